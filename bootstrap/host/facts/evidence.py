"""One look at a node that may be broken: containers, units, ports, disks, certificates. Changes nothing."""

from __future__ import annotations

import dataclasses
import time

from bootstrap.diagnosis.certificates import certificates
from bootstrap.diagnosis.evidence import Certificate, Disk, Evidence, Places, Unit
from bootstrap.host.facts.disk import filesystems
from bootstrap.host.facts.network import listeners
from bootstrap.host.facts.places import places
from bootstrap.host.facts.pods import own_addresses, pending, pod_addresses
from bootstrap.host.facts.serving import unsigned
from bootstrap.host.port import Host
from bootstrap.host.runtime.crictl import newest_containers
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError
from bootstrap.model.runtime import Runtime

RECENT = 30.0
"""Seconds: the kubelet says again within this time what still hinders it (it syncs a failing Pod every 10 to 15 s)."""
JOURNAL_LINES = 300
TIMEOUT = 10
_BY_TIMER = (names.RENEWAL, names.SNAPSHOTS)
_PROPERTIES = "Id,ActiveState,Result,NRestarts"


def gather_evidence(host: Host, runtime: Runtime, since: float = 0.0) -> Evidence:
    """Everything the rule book looks at. `since` (seconds since the epoch): what is older does not count.

    A part that cannot be read is left out.
    """
    seen, where = glance(host, runtime, since, recent=time.time() - RECENT), places(host)
    return dataclasses.replace(
        seen,
        units=(*seen.units, *(unit for unit in _units(host, _BY_TIMER, since) if unit.state == "failed")),
        disks=_disks(host, runtime, where),
        certificates=_certificates(host, where),
        places=where,
        pending=pending(host),
        unsigned=unsigned(host),
        addresses=own_addresses(host),
        pod_addresses=pod_addresses(host),
    )


def glance(host: Host, runtime: Runtime, since: float, recent: float | None = None) -> Evidence:
    """What can end a wait, at little cost: logs of ended containers only, unless `recent` asks for others' too."""
    try:
        containers, silent = newest_containers(host, runtime, since, recent), ""
    except BootstrapError as e:
        containers, silent = (), " ".join((e.what, *e.details[-1:]))
    ended = any(container.ended for container in containers)
    return Evidence(
        now=time.time(),
        containers=containers,
        units=_units(host, (names.KUBELET_SERVICE, *filter(None, (runtime.unit,))), since),
        runtime_error=silent,
        listeners=_holders() if ended else {},
        places=places(host) if ended else Places(),
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


def _holders() -> dict[int, str]:
    return {held.port: held.holder for held in listeners() if held.process}


def _disks(host: Host, runtime: Runtime, where: Places) -> tuple[Disk, ...]:
    """The filesystems that a node writes to, each once."""
    wanted = (names.KUBERNETES_DIR, where.etcd_data, names.KUBELET_DIR, runtime.root, "/var/log")
    found: dict[str, Disk] = {}
    for path, system in filesystems(host, [path for path in wanted if path and host.stat(path)]).items():
        found.setdefault(system.mount, Disk(path, system.free, system.inodes_free if system.inodes else None))
    return tuple(found.values())


def _certificates(host: Host, where: Places) -> tuple[Certificate, ...]:
    """The PKI's, those in kubeconfigs, and the kubelet's, which renews it by itself."""
    folders = (where.certificates, f"{where.certificates}/etcd")
    paths = [f"{folder}/{name}" for folder in folders for name in host.listdir(folder) if name.endswith(".crt")]
    paths.append(names.KUBELET_CLIENT_CURRENT)
    kubeconfigs = (names.ADMIN_CONF, names.CONTROLLER_MANAGER_CONF, names.SCHEDULER_CONF, names.KUBELET_CONF)
    return certificates(
        {path: content for path in paths if (content := host.read(path))},
        {path: content for path in kubeconfigs if (content := host.read(path))},
    )
