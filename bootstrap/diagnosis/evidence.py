"""What is known about a node that does not work. A plain value: tests write their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bootstrap.model import names


@dataclass(frozen=True)
class Container:
    """The newest container of a component, as the runtime knows it.

    `state` is `running`, `exited` or `created`; `attempt` counts from 0; `reason` and `message` are the runtime's
    (`OOMKilled`, `StartError`); `log` holds its last lines, of a running one only those of the last seconds.
    """

    component: str
    state: str
    attempt: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    log: tuple[str, ...] = ()
    pod: str = ""

    @property
    def ended(self) -> bool:
        return self.state == "exited"

    @property
    def ends(self) -> int:
        """How often it has ended."""
        return self.attempt + self.ended


@dataclass(frozen=True)
class Unit:
    """A systemd unit: `state` and `result` as in `systemctl show`, `restarts` by systemd since it was last started."""

    name: str
    state: str = "active"
    result: str = "success"
    restarts: int = 0
    journal: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Somebody stopped it, or nobody started it."""
        return self.state == "inactive"


@dataclass(frozen=True)
class Disk:
    """Free space of the filesystem that holds `path`: bytes, and inodes (None where it does not count them)."""

    path: str
    free: int
    inodes: int | None


@dataclass(frozen=True)
class Certificate:
    """A certificate file: validity in seconds since the epoch, `issued` if the CA beside it really signed it."""

    path: str
    not_before: float
    not_after: float
    issued: bool = True


@dataclass(frozen=True)
class Pending:
    """A Pod (`namespace/name`) for which the scheduler finds no node, with its reason.

    `taints` are keys of those that nodes have and the Pod does not tolerate.
    """

    pod: str
    reason: str
    taints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unsigned:
    """A kubelet's request for what it serves with that nobody has judged; `refusal` is ours, empty for a good one."""

    request: str
    user: str
    refusal: str


@dataclass(frozen=True)
class Places:
    """Where the node's configuration puts things."""

    certificates: str = names.PKI_DIR
    etcd_data: str = names.ETCD_DATA_DIR
    etcd_port: int = names.ETCD_CLIENT_PORT


@dataclass(frozen=True)
class Evidence:
    """One look at a node at the time `now` (seconds since the epoch).

    `listeners` is TCP port → who holds it; `runtime_error` is empty when the runtime answers. `addresses` is the
    machine's own → interface, `pod_addresses` those that Pods were given.
    """

    now: float
    containers: tuple[Container, ...] = ()
    units: tuple[Unit, ...] = ()
    runtime_error: str = ""
    listeners: Mapping[int, str] = field(default_factory=dict)
    disks: tuple[Disk, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    places: Places = field(default_factory=Places)
    pending: tuple[Pending, ...] = ()
    unsigned: tuple[Unsigned, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    pod_addresses: tuple[str, ...] = ()

    def unit(self, name: str) -> Unit:
        """An active one when nothing is known of it."""
        return next((unit for unit in self.units if unit.name == name), Unit(name))
