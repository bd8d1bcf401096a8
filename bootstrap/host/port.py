"""The port through which everything above touches the machine. Dry runs are handed the read half only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["file", "dir", "other"]


@dataclass(frozen=True)
class Stat:
    """What a path is now: permission bits, modification time in seconds since the epoch, owner, size in bytes."""

    mode: int
    mtime: float
    kind: Kind = "file"
    uid: int = 0
    gid: int = 0
    size: int = 0

    @property
    def is_dir(self) -> bool:
        return self.kind == "dir"


@dataclass(frozen=True)
class UnitState:
    """A systemd unit's state: `started` is its last activation, seconds since the epoch, 0 when never."""

    active: bool
    enabled: bool
    started: float
    sub_state: str = ""


class HostReader(Protocol):
    """Everything that cannot change the host. Links are followed inside the host's root; what is absent is no error.

    Whatever else goes wrong (permissions, links in a circle, or where all may write) raises BootstrapError, exit 5.
    """

    def read(self, path: str) -> bytes | None:
        """Content of a file, None when it does not exist."""

    def digest(self, path: str) -> str | None:
        """sha256 of a file in hexadecimal, None when it does not exist."""

    def stat(self, path: str) -> Stat | None: ...

    def readlink(self, path: str) -> str | None:
        """The text of the link at `path` itself, None when there is none or something else."""

    def resolve(self, path: str) -> str:
        """Where a path leads, inside the host's root: no part of the answer is a link. The last name need not exist."""

    def listdir(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; empty when it does not exist."""

    def unit(self, name: str) -> UnitState: ...

    def network(self, kind: str) -> tuple[str, ...] | None:
        """Names of links, nftables tables or iptables chains (host.netstate); None where there is no such thing."""

    def reach(self, path: str) -> str:
        """By which path a program of our own image gets to a file, folder or socket of the host: links resolved."""

    def images(self, socket: str) -> Mapping[str, str] | None:
        """Name → id of each image in the runtime behind a CRI socket; None where none answers."""


class Host(HostReader, Protocol):
    """The read half plus every way to change the host (docs: explanation/host-boundary).

    Each change is on the disk when the call returns, and either made or not made when the machine dies within it. Every
    failure raises BootstrapError (exit 5).
    """

    def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
        """Atomic replacement of a file, or of the file that a link leads to; its directory must exist."""

    def append(self, path: str, content: bytes, mode: int) -> None:
        """Adds to the end of a file, durably; `mode` is for a new one. A crash may leave a part of `content`."""

    def install(self, source: str, path: str, mode: int) -> None:
        """`write`, root's, with the content of a file that lies in our own file system (a binary), in small pieces."""

    def install_tree(self, source: str, path: str) -> None:
        """Copy of a directory of our own file system with its owners, modes and attributes, durable when it returns.

        Not atomic: after a crash it is done again, into what is there.
        """

    def set_sysctl(self, key: str, value: str) -> None:
        """Set a kernel parameter, named as in sysctl.conf(5), until the next boot."""

    def symlink(self, target: str, path: str) -> None:
        """A link at `path` with the text `target`, instead of the file or link that has the name now."""

    def mkdir(self, path: str, mode: int) -> None:
        """A directory with this mode, whether it was there or not; missing parents are made 0755."""

    def remove(self, path: str) -> None:
        """Remove a file, or a link itself; what is absent is fine."""

    def remove_tree(self, path: str) -> None:
        """Remove a directory and what is in it. Follows no link (one at `path` is removed itself); absent is fine.

        Deletes nothing when anything is mounted there or below; the error names the mount points and their `umount`.
        """

    def remove_empty(self, path: str) -> None:
        """Remove a directory that is empty, whichever it is. All else stays, a link to one too; absent is fine."""

    def tidy(self, path: str) -> None:
        """Remove what a killed change left beside this name, itself a link or not. Every change of it does so first."""

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        """Standard output of a command, which has nothing to read.

        `here` is for a tool of our own image that the host need not have: its network is ours, and so are its sockets.

        Raises BootstrapError (exit 5) with its output when it fails."""

    def unmount(self, path: str) -> None:
        """Unmounts what is mounted on `path`, in the host's own mount namespace."""

    def start_unit(self, name: str, *, enable: bool, restart: bool) -> None: ...

    def stop_unit(self, name: str, *, disable: bool) -> None:
        """Stop a unit, and with `disable` also at the next boot; one that does not exist is fine."""

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock for as long as the `with` block, or this process, lasts.

        Raises BootstrapError (exit 8) that says who holds it and since when."""

    def lock_file(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock of the kind that other programs use: a file that is there while somebody works.

        Waits some seconds, then raises BootstrapError (exit 8): one that a program left when it died stays."""


@dataclass(frozen=True)
class ApiResponse:
    """`body` is the parsed JSON object, or `{}` when the answer was not JSON; `date` is when the server sent it, as it
    says, in seconds since the epoch (0: it does not say)."""

    status: int
    body: Mapping[str, Any]
    text: str = ""
    date: float = 0

    @property
    def found(self) -> Mapping[str, Any] | None:
        """The object of a GET; None when there is no such object, or no right to see it."""
        return self.body if self.status == 200 else None


class Api(Protocol):
    """A Kubernetes API client. Connection failures raise ConnectionError."""

    def get(self, path: str) -> ApiResponse: ...

    def apply(self, body: Mapping[str, Any], path: str = "", *, force: bool = True) -> ApiResponse:
        """`path` is the object's, where it does not follow from the kind.

        Without `force`, 409 with each field that another manager has given another value (`engine/ownership.py`).
        """

    def create(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        """`path` is where it is made, where that does not follow from the kind (an eviction, below its Pod)."""

    def delete(self, path: str) -> ApiResponse: ...

    def merge(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        """Other values of fields (RFC 7396); with a resourceVersion only of the object as it was read (else 409)."""
