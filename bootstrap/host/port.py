"""The port through which everything above touches the machine. Dry runs are handed the read half only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Stat:
    """What a path is now: permission bits, modification time in seconds since the epoch."""

    mode: int
    mtime: float
    is_dir: bool


@dataclass(frozen=True)
class UnitState:
    """A systemd unit's state: `started` is its last activation, seconds since the epoch, 0 when never."""

    active: bool
    enabled: bool
    started: float
    sub_state: str = ""


class HostReader(Protocol):
    """Everything that cannot change the host."""

    def read(self, path: str) -> bytes | None:
        """Content of a file, None when it does not exist."""

    def stat(self, path: str) -> Stat | None: ...

    def listdir(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; empty when it does not exist."""

    def unit(self, name: str) -> UnitState: ...


class Host(HostReader, Protocol):
    """The read half plus every way to change the host."""

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Durable, atomic replacement of a file (docs: explanation/host-boundary)."""

    def mkdir(self, path: str, mode: int) -> None: ...

    def remove(self, path: str) -> None: ...

    def run(self, argv: Sequence[str], timeout: float = 60, *, keep_stdin: bool = False) -> str:
        """Standard output of a command, which reads our standard input with `keep_stdin` and nothing without.

        Raises BootstrapError (exit 5) with its output when it fails."""

    def start_unit(self, name: str, *, enable: bool, restart: bool) -> None: ...


@dataclass(frozen=True)
class ApiResponse:
    """`body` is the parsed JSON object, or `{}` when the answer was not JSON."""

    status: int
    body: Mapping[str, Any]
    text: str = ""


class Api(Protocol):
    """A Kubernetes API client. Connection failures raise ConnectionError."""

    def get(self, path: str) -> ApiResponse: ...

    def apply(self, body: Mapping[str, Any]) -> ApiResponse: ...

    def create(self, body: Mapping[str, Any]) -> ApiResponse: ...
