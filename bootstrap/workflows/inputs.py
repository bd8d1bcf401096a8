"""What a plan is made from that lies on the machine: keys, kubeconfigs, patches, logins."""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.engine.journal import begun, read_journal
from bootstrap.host.port import HostReader
from bootstrap.host.registry.credentials import written_login
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.runtime import runtime_at
from bootstrap.render.controlplane.keepalived import CONFIG as CONFIG_OF_KEEPALIVED
from bootstrap.render.controlplane.keepalived import password_of
from bootstrap.render.controlplane.static_pods import manifest_path, manifests_dir
from bootstrap.render.images.mirrors import hosts_files
from bootstrap.render.node.registry_logins import ANSWER, CONFIG, kubelet_logins, login_files

LOGIN_FILES = (CONFIG, ANSWER)


def read_existing(host: HostReader, paths: Iterable[str]) -> dict[str, bytes]:
    """Path → content of those that are there."""
    return {path: content for path in paths if (content := host.read(path)) is not None}


def read_patches(host: HostReader, directory: str) -> dict[str, bytes]:
    if not directory:
        return {}
    files = read_existing(host, tuple(f"{directory}/{name}" for name in host.listdir(directory)))
    return {path.rsplit("/", 1)[1]: content for path, content in files.items()}


def vip_password(host: HostReader, cfg: ClusterConfig) -> str:
    """Empty where the control planes need none. Raises BootstrapError (exit 3) when there is none to be read."""
    vip = cfg.own.control_plane_vip
    return password_of(host.read(vip.password_file), vip.password_file) if vip and vip.password_file else ""


def stale_files(host: HostReader, cfg: ClusterConfig, mode: str, logins: tuple[File, ...]) -> tuple[str, ...]:
    """What an earlier configuration made for registries, or for an address of all, and this one does not ask for."""
    journal = begun(read_journal(host))
    registries = runtime_at(cfg.node.cri_socket, mode).registries
    wanted = {file.path for file in (*hosts_files(cfg.own.mirrors, registries), *logins)}
    candidates = (path for path in journal if path.endswith("/hosts.toml") or path in LOGIN_FILES)
    of_ours = (path for path in candidates if path in LOGIN_FILES or (registries and path.startswith(f"{registries}/")))
    stale = {path for path in of_ours if path not in wanted}
    if not cfg.own.control_plane_vip:
        stale |= {manifest_path(names.KEEPALIVED, manifests_dir(cfg)), CONFIG_OF_KEEPALIVED} & set(journal)
    return tuple(sorted(path for path in stale if host.stat(path)))


def kubelet_login_files(host: HostReader, mirrors: Mirrors) -> tuple[File, ...]:
    """Raises BootstrapError (exit 3) when a file that a rule names cannot be read."""
    servers = kubelet_logins(mirrors.reached(host.reach))
    found = {name: login for name, server in servers.items() if (login := written_login(server))}
    return login_files(mirrors, found)
