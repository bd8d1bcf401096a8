"""A Docker engine in memory, as far as clusters go."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bootstrap.clusters.addresses import NetworkRange, collision, own_range
from bootstrap.host.docker.containers import PortTaken
from bootstrap.model.cluster_shape import CONTROL_PLANE
from bootstrap.model.containers import Container, Found
from bootstrap.model.errors import BootstrapError, Exit

ADMIN = b"""\
apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: "https://172.20.0.2:6443", certificate-authority-data: Y2E=}}]
contexts: [{name: a@kubernetes, context: {cluster: kubernetes, user: a}}]
current-context: a@kubernetes
users: [{name: a, user: {client-key-data: a2V5}}]
"""


@dataclass
class MemoryContainers:
    there: dict[str, tuple[Container, str, str]] = field(default_factory=dict)
    """Name → what was asked for, its cluster, its run."""
    said: dict[str, list[str]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    taken_ports: set[int] = field(default_factory=set)
    interrupted: bool = False
    kept: set[str] = field(default_factory=set)
    commands: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start_new(self, wanted: Container, cluster: str, run: str, network: str) -> None:
        with self.lock:
            if self.taken_ports & {port.host_port for port in wanted.ports}:
                self.taken_ports.clear()
                raise PortTaken("taken", code=Exit.PREFLIGHT)
            self.there[wanted.name] = (wanted, cluster, run)
        if self.interrupted and wanted.role == CONTROL_PLANE:
            raise KeyboardInterrupt

    def keep_running(self, name: str) -> None:
        self.kept.add(name)

    def found(self, cluster: str = "") -> tuple[Found, ...]:
        return tuple(
            Found(
                name,
                wanted.role,
                of,
                "running",
                wanted.address,
                "sha256:1",
                next((port.host_port for port in wanted.ports if port.container_port == 6443), 0),
                next((port.address for port in wanted.ports), ""),
            )
            for name, (wanted, of, _) in self.there.items()
            if cluster in ("", of)
        )

    def of_run(self, run: str) -> list[str]:
        return [name for name, (_, _, of) in self.there.items() if of == run]

    def lines(self, name: str, *, since: int = 0) -> Iterator[str]:
        role = self.there[name][0].role
        done = "Kubernetes v1 is up in 1 s" if role == CONTROL_PLANE else f"{name} has joined x in 1 s"
        yield from self.said.get(name, [" ✓ Node", done])
        if name not in self.ended:
            threading.Event().wait(5)

    def exit_code(self, name: str) -> int | None:
        return self.ended.get(name)

    def run(self, name: str, argv: Sequence[str]) -> tuple[int, bytes]:
        self.commands.append((name, tuple(argv)))
        return 0, b'{"findings": [{"what": "no disk", "why": "it is full", "next": "df -h"}]}'

    def read(self, name: str, path: str) -> bytes | None:
        return ADMIN if self.there[name][0].role == CONTROL_PLANE else None

    def remove(self, name: str) -> None:
        self.there.pop(name, None)


@dataclass
class MemoryNetworks:
    there: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name → its cluster, its run."""
    subnets: tuple[str, ...] = ("172.20.0.0/16", "172.21.0.0/16")

    def make(self, name: str, run: str, avoid: Sequence[str]) -> NetworkRange:
        self.there[name] = (name, run)
        return own_range(next(subnet for subnet in self.subnets if not collision(subnet, avoid)))

    def given(self, name: str, avoid: Sequence[str]) -> tuple[NetworkRange, tuple[str, ...]]:
        if name != "shared":
            raise BootstrapError(f"there is no Docker network {name}", code=Exit.CONFLICT)
        return NetworkRange("192.168.7.0/24", "192.168.7.1"), ("192.168.7.254",)

    def clusters(self) -> list[str]:
        return sorted({cluster for cluster, _ in self.there.values()})

    def of(self, cluster: str) -> list[str]:
        return [name for name, (of, _) in self.there.items() if of == cluster]

    def remove(self, cluster: str) -> list[str]:
        return [self.there.pop(name) and name for name in self.of(cluster)]

    def remove_run(self, run: str) -> None:
        self.there = {name: value for name, value in self.there.items() if value[1] != run}


@dataclass
class MemoryEngine:
    containers: MemoryContainers = field(default_factory=MemoryContainers)
    networks: MemoryNetworks = field(default_factory=MemoryNetworks)
