"""One look at a node that may be broken: containers, units, ports, disks, certificates. Changes nothing."""

from __future__ import annotations

import dataclasses
import re
import time

from bootstrap.diagnosis.certificates import certificates
from bootstrap.diagnosis.evidence import Certificate, Disk, Evidence, Unit
from bootstrap.host.crictl import newest_containers
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError
from bootstrap.model.runtime import Runtime

RECENT = 30.0
"""Seconds: the kubelet says again within this time what still hinders it (it syncs a failing Pod every 10 to 15 s)."""
JOURNAL_LINES = 300
TIMEOUT = 10
_PROPERTIES = "Id,ActiveState,Result,NRestarts"
_LISTENER = re.compile(r'^\S+\s+\S+\s+\S+\s+\S*:(?P<port>\d+)\s.*?\("(?P<name>[^"]+)",pid=(?P<pid>\d+)')
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


def gather_evidence(host: Host, runtime: Runtime, since: float = 0.0) -> Evidence:
    """Everything the rule book looks at. `since` (seconds since the epoch): what is older does not count.

    A part that cannot be read is left out.
    """
    seen = glance(host, runtime, since, recent=time.time() - RECENT)
    return dataclasses.replace(seen, disks=_disks(host, runtime), certificates=_certificates(host))


def glance(host: Host, runtime: Runtime, since: float, recent: float | None = None) -> Evidence:
    """What can end a wait, at little cost: logs of ended containers only, unless `recent` asks for others' too."""
    try:
        containers, silent = newest_containers(host, runtime, since, recent), ""
    except BootstrapError as e:
        containers, silent = (), " ".join((e.what, *e.details[-1:]))
    return Evidence(
        now=time.time(),
        containers=containers,
        units=_units(host, (names.KUBELET_SERVICE, *filter(None, (runtime.unit,))), since),
        runtime_error=silent,
        listeners=_listeners(host) if any(container.ended for container in containers) else {},
    )


def _output(host: Host, *argv: str) -> list[str]:
    try:
        return host.run(argv, timeout=TIMEOUT).splitlines()
    except BootstrapError:
        return []


def _units(host: Host, wanted: tuple[str, ...], since: float) -> tuple[Unit, ...]:
    shown = _output(host, "systemctl", "show", *wanted, f"--property={_PROPERTIES}")
    blocks = (block.splitlines() for block in "\n".join(shown).split("\n\n"))
    found = (dict(line.split("=", 1) for line in block if "=" in line) for block in blocks)
    return tuple(_unit(host, values, since) for values in found if "Id" in values)


def _unit(host: Host, values: dict[str, str], since: float) -> Unit:
    """With what it said since then; without `since`, of a unit that runs only what it said lately."""
    name, state = values["Id"].removesuffix(".service"), values.get("ActiveState", "")
    begin = since or (time.time() - RECENT if state == "active" else 0)
    window = [f"--since=@{begin:.0f}"] if begin else []
    journal = _output(host, "journalctl", "-u", name, "-o", "cat", "--no-pager", f"-n{JOURNAL_LINES}", *window)
    return Unit(name, state, values.get("Result", ""), int(values.get("NRestarts") or 0), _telling(journal))


def _telling(journal: list[str]) -> tuple[str, ...]:
    """Without what containerd tells for information: each plugin that it does without is an error in its words."""
    return tuple(line for line in journal if "level=info" not in line)


def _listeners(host: Host) -> dict[int, str]:
    found = (_LISTENER.match(line) for line in _output(host, "ss", "-Htlnp"))
    return {int(hit["port"]): _holder(host, hit["pid"], hit["name"]) for hit in found if hit}


def _holder(host: Host, pid: str, name: str) -> str:
    """`pid 812, /usr/sbin/haproxy, unit haproxy.service`."""
    words = (host.read(f"/proc/{pid}/cmdline") or b"").decode(errors="replace").split("\0")
    group = (host.read(f"/proc/{pid}/cgroup") or b"").decode(errors="replace")
    unit = re.search(r"/([^/\n]+\.service)(?:/|$)", group, re.MULTILINE)
    where = f", unit {unit[1]}" if unit else ", in a container" if _CONTAINER_ID.search(group) else ""
    return f"pid {pid}, {words[0] or name}{where}"


def _disks(host: Host, runtime: Runtime) -> tuple[Disk, ...]:
    """The filesystems that a node writes to, each once."""
    wanted = ("/etc/kubernetes", names.ETCD_DATA_DIR, names.KUBELET_DIR, runtime.root, "/var/log")
    paths = [path for path in wanted if path and host.stat(path)]
    lines = _output(host, "df", "-B1", "--output=source,avail,iavail,itotal", *paths)[1:] if paths else []
    found: dict[str, Disk] = {}
    for path, line in zip(paths, lines, strict=False):
        source, free, inodes, total = line.split()[-4:]
        if not free.isdigit():
            continue
        found.setdefault(f"{source} {free}", Disk(path, int(free), int(inodes) if total.strip("-0") else None))
    return tuple(found.values())


def _certificates(host: Host) -> tuple[Certificate, ...]:
    folders = (names.PKI_DIR, f"{names.PKI_DIR}/etcd")
    paths = [f"{folder}/{name}" for folder in folders for name in host.listdir(folder) if name.endswith(".crt")]
    kubeconfigs = (names.ADMIN_CONF, names.CONTROLLER_MANAGER_CONF, names.SCHEDULER_CONF, names.KUBELET_CONF)
    return certificates(
        {path: content for path in paths if (content := host.read(path))},
        {path: content for path in kubeconfigs if (content := host.read(path))},
    )
