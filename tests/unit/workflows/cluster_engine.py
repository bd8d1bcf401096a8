"""A Docker engine in memory, as far as clusters go."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO

from bootstrap.clusters.addresses import NetworkRange, collision, own_range
from bootstrap.host.docker.commands import Ran
from bootstrap.host.docker.containers import PortTaken
from bootstrap.host.docker.successors import ASIDE
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE
from bootstrap.model.containers import Container, Found
from bootstrap.model.errors import BootstrapError, Exit

FINDINGS = b'{"findings": [{"what": "no disk", "why": "it is full", "next": "df -h"}]}'
ADMIN = b"""\
apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: "https://172.20.0.2:6443", certificate-authority-data: Y2E=}}]
contexts: [{name: a@kubernetes, context: {cluster: kubernetes, user: a}}]
current-context: a@kubernetes
users: [{name: a, user: {client-key-data: a2V5}}]
"""


@dataclass
class MemoryFed:
    taken: list[bytes]
    answer: Ran

    def write(self, chunk: bytes) -> None:
        self.taken.append(chunk)

    def end(self) -> Ran:
        return self.answer


@dataclass
class MemoryContainers:
    there: dict[str, tuple[Container, str, str]] = field(default_factory=dict)
    """Name → what was asked for, its cluster, its run."""
    speech: dict[str, list[str]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    taken_ports: set[int] = field(default_factory=set)
    interrupted: bool = False
    kept: set[str] = field(default_factory=set)
    even: set[str] = field(default_factory=set)
    commands: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    answers: dict[str, Ran] = field(default_factory=dict)
    """By the last word of a command."""
    fed: dict[str, list[bytes]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    """Of every control plane, besides what it was given."""
    images: dict[str, str] = field(default_factory=dict)
    """Of those that have another one than at first."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start_new(self, wanted: Container, cluster: str, run: str, network: str, image: str = "") -> None:
        with self.lock:
            if self.taken_ports & {port.host_port for port in wanted.ports}:
                self.taken_ports.clear()
                raise PortTaken("taken", code=Exit.PREFLIGHT)
            self.there[wanted.name] = (wanted, cluster, run)
        if self.interrupted and wanted.role == CONTROL_PLANE:
            raise KeyboardInterrupt

    def keep_running(self, name: str) -> None:
        self.kept.add(name)

    def share_evenly(self, name: str) -> None:
        self.even.add(name)

    def found(self, cluster: str = "") -> tuple[Found, ...]:
        return tuple(
            Found(
                name,
                wanted.role,
                of,
                "exited" if name in self.stopped else "running",
                wanted.address,
                of,
                self.images.get(name, "sha256:1"),
                next((port.host_port for port in wanted.ports if port.container_port == 6443), 0),
                next((port.address for port in wanted.ports), ""),
            )
            for name, (wanted, of, _) in sorted(self.there.items())
            if cluster in ("", of)
        )

    def of_run(self, run: str) -> list[str]:
        return [name for name, (_, _, of) in self.there.items() if of == run]

    def lines_of(self, name: str) -> list[str]:
        role = self.there[name][0].role
        done = "Kubernetes v1 is up in 1 s" if role == CONTROL_PLANE else f"{name} has joined x in 1 s"
        return self.speech.get(name, [" ✓ Node", done])

    def lines(self, name: str, *, since: float = 0) -> Iterator[str]:
        yield from self.lines_of(name)
        if name not in self.ended:
            threading.Event().wait(5)

    def exit_code(self, name: str) -> int | None:
        return self.ended.get(name)

    def run(self, name: str, argv: Sequence[str]) -> Ran:
        self.commands.append((name, tuple(argv)))
        return self.answers.get(argv[-1], Ran(0, FINDINGS))

    def feed(self, name: str, argv: Sequence[str]) -> MemoryFed:
        self.commands.append((name, tuple(argv)))
        return MemoryFed(self.fed.setdefault(name, []), self.answers.get(name, Ran(0, b"")))

    def start(self, name: str) -> None:
        self.stopped.discard(name)

    def stop(self, name: str) -> None:
        self.stopped.add(name)

    def signal(self, name: str, signal: str) -> None:
        self.commands.append((name, (signal,)))

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        wanted, *rest = self.there[name]
        self.there[name] = (replace(wanted, files={**wanted.files, **files}), *rest)  # type: ignore[assignment]

    def folder(self, name: str, path: str) -> dict[str, bytes]:
        return {} if "containerd" in path else {"a/0.log": b"line"}

    def said(self, name: str) -> bytes:
        return b"\n".join(line.encode() for line in self.lines_of(name))

    def read(self, name: str, path: str) -> bytes | None:
        wanted = self.there[name][0]
        there = {**self.files, "/etc/kubernetes/admin.conf": ADMIN, **wanted.files}
        return there.get(path) if wanted.role == CONTROL_PLANE or path == names.STATE_CONFIG else None

    def remove(self, name: str) -> None:
        self.there.pop(name, None)


@dataclass
class MemoryNetworks:
    there: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name → its cluster, its run."""
    subnets: tuple[str, ...] = ("172.20.0.0/16", "172.21.0.0/16")
    subnet6: str = ""

    def make(self, name: str, run: str, avoid: Sequence[str], *, dual: bool = False) -> NetworkRange:
        self.there[name] = (name, run)
        self.subnet6 = "fd00:20::/64" if dual else ""
        return own_range(next(subnet for subnet in self.subnets if not collision(subnet, avoid)), self.subnet6)

    def given(self, name: str, avoid: Sequence[str]) -> tuple[NetworkRange, tuple[str, ...]]:
        if name in self.there:
            return own_range(self.subnets[0], self.subnet6), ()
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
class MemoryImages:
    there: dict[str, str] = field(default_factory=dict)
    """Name → id."""

    def ids(self, references: Sequence[str]) -> dict[str, str]:
        return {name: self.there[name] for name in references if name in self.there}

    def saved(self, image: str) -> IO[bytes]:
        return io.BytesIO(image.encode())


@dataclass
class MemorySuccessors:
    """Of the containers of an engine; `broken` are nodes that do not come up with another image."""

    containers: MemoryContainers
    after: str = "v1.37.0+bootstrap.2"
    broken: set[str] = field(default_factory=set)
    copied: dict[str, tuple[str, ...]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def image(self, name: str = "") -> tuple[str, str]:
        return "sha256:2", self.after

    def put_aside(self, name: str) -> None:
        self.containers.there[name + ASIDE] = self.containers.there.pop(name)
        self.containers.stopped.add(name + ASIDE)

    def start(self, name: str, image: str, *, copied: tuple[str, ...] = ()) -> None:
        self.order.append(name)
        self.copied[name] = copied
        self.containers.there[name] = self.containers.there[name + ASIDE]
        self.containers.images[name] = image
        if name in self.broken:
            self.containers.speech[name] = [" ✗ it does not run", "   why    no disk"]
            self.containers.ended[name] = 6

    def go_back(self, name: str) -> None:
        assert name not in self.containers.there, "its name is taken"
        self.containers.there[name] = self.containers.there.pop(name + ASIDE)
        self.containers.images.pop(name, None)
        self.containers.speech.pop(name, None)
        self.containers.ended.pop(name, None)

    def forget(self, name: str) -> None:
        self.containers.there.pop(name + ASIDE)


@dataclass
class MemoryEngine:
    containers: MemoryContainers = field(default_factory=MemoryContainers)
    successors: MemorySuccessors = field(init=False)
    networks: MemoryNetworks = field(default_factory=MemoryNetworks)
    images: MemoryImages = field(default_factory=MemoryImages)
    proxies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.successors = MemorySuccessors(self.containers)
