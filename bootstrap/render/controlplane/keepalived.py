"""keepalived on each control plane: one of them holds the address of all, and none whose API server is not well."""

from __future__ import annotations

import hashlib

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Document, Volume
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.virtual_address import DEFAULT_PRIORITY, VirtualAddress
from bootstrap.render.addresses import is_ipv6, loopback
from bootstrap.render.controlplane.static_pods import manifest_path, manifests_dir, static_container, static_pod
from bootstrap.render.images import required

CONFIG = f"{names.KEEPALIVED_DIR}/keepalived.conf"
_CAPABILITIES = ("NET_ADMIN", "NET_RAW", "SETGID", "SETUID")
_WELL = hashlib.md5(b"ok", usedforsecurity=False).hexdigest()
"""What genhash, keepalived's own HTTP client, prints of the body of /livez."""
_PASSWORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+=/@%:,")
_PASSWORD_LENGTH = 8
"""Bytes of VRRP's field (RFC 2338, 5.3.10)."""


def interface(cfg: ClusterConfig, vip: VirtualAddress, facts: HostFacts) -> str:
    """The one that was named, else that of this machine's own address; empty where there is none."""
    own = (a.interface for a in facts.addresses if a.address == cfg.api.advertise_address)
    return vip.interface or next(own, "")


def keepalived_files(cfg: ClusterConfig, vip: VirtualAddress, facts: HostFacts, password: str) -> tuple[File, File]:
    """Its configuration, and its static Pod, which is another one when the configuration is."""
    content = configuration(cfg, vip, interface(cfg, vip, facts), password).encode()
    file = File(CONFIG, content, mode=0o600, secret=bool(password))
    # With a password four digits: enough to see a change, too few to find the password by.
    digest = hashlib.sha256(content).hexdigest()[: 4 if password else 16]
    document = to_yaml(_pod(cfg, digest)).encode()
    return file, File(manifest_path(names.KEEPALIVED, manifests_dir(cfg)), document, mode=0o600)


def password_of(content: bytes | None, path: str) -> str:
    """The first line of the file. Raises BootstrapError (exit 3) when it cannot be one of VRRP's."""
    word = (content or b"").decode(errors="replace").partition("\n")[0].strip()
    if content is None:
        why = "the file is not on this machine"
    elif not word:
        why = "its first line is empty"
    elif len(word) > _PASSWORD_LENGTH:
        why = f"it has {len(word)} characters; VRRP has room for {_PASSWORD_LENGTH}"
    elif not _PASSWORD.issuperset(word):
        why = "it has other characters than letters, digits and -_.+=/@%:,"
    else:
        return word
    raise BootstrapError(
        f"{path} gives no password for the control plane's address",
        code=Exit.CONFIG,
        why=why,
        fix="put the same file on each control plane, mode 0600, or leave controlPlaneVIP.passwordFile out",
    )


def configuration(cfg: ClusterConfig, vip: VirtualAddress, link: str, password: str) -> str:
    """Who holds it sends word twice a second, and is replaced when three of these are missing; whose API server is not
    well gives it up. Only version 2 of VRRP has passwords, and whole seconds.
    """
    version, every = (2, "1") if password else (3, "0.5")
    check = f"genhash -S -s {loopback(cfg)} -p {cfg.api.bind_port} -u /livez"
    peers = [peer for peer in vip.unicast_peers if peer != cfg.api.advertise_address]
    unicast = [f"    unicast_src_ip {cfg.api.advertise_address}", *_block("unicast_peer", peers)]
    secret = ["    authentication {", "        auth_type PASS", f"        auth_pass {password}", "    }"]
    lines = [
        "# Made by bootstrap, which writes it anew: change BootstrapConfiguration.controlPlaneVIP instead.",
        "global_defs {",
        f"    router_id {cfg.node.name}",
        f"    vrrp_version {version}",
        "    script_user root",
        "    enable_script_security",
        "}",
        "vrrp_script apiserver {",
        f"""    script "/usr/bin/dash -c 'case $({check}) in *{_WELL}*) ;; *) exit 1 ;; esac'\"""",
        "    interval 1",
        "    timeout 2",
        "    fall 2",
        "    rise 1",
        "}",
        "vrrp_instance control-plane {",
        "    state BACKUP",
        "    nopreempt",
        f"    interface {link}",
        f"    virtual_router_id {vip.router_id}",
        f"    priority {vip.priorities.get(cfg.node.name, DEFAULT_PRIORITY)}",
        f"    advert_int {every}",
        *(unicast if peers else ()),
        *(secret if password else ()),
        *_block("virtual_ipaddress", [f"{vip.address}/{128 if is_ipv6(vip.address) else 32}"]),
        *_block("track_script", ["apiserver"]),
        "}",
        "",
    ]
    return "\n".join(lines)


def _block(name: str, lines: list[str]) -> list[str]:
    return [f"    {name} {{", *(f"        {line}" for line in lines), "    }"]


def _pod(cfg: ClusterConfig, digest: str) -> Document:
    volume = Volume("config", names.KEEPALIVED_DIR, names.KEEPALIVED_DIR, True, "Directory")
    command = ["keepalived", "--vrrp", "--dont-fork", "--log-console", "--no-syslog", f"--use-file={CONFIG}"]
    main = static_container(required.keepalived(), command, [volume], [])
    main["securityContext"] = {"capabilities": {"drop": ["ALL"], "add": list(_CAPABILITIES)}}
    document = static_pod(main, [volume], requests={"cpu": "25m", "memory": "20Mi"}, port=0)
    document["metadata"]["annotations"] = {names.KEEPALIVED_CONFIG: digest}
    return document
