"""Paths that somebody typed: from the current directory, and then wherever the host's files are for us."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from bootstrap.host.port import HostReader
from bootstrap.model.errors import BootstrapError, Exit

LOOKED_UP = "the path is looked up in this container, or on the host whose root is mounted at /host"
"""Why one of them may not be where somebody sees it."""
CHUNK = 1 << 20
MOST_BYTES = 16 << 20
"""As many as the longest manifest may have."""
_STARTED_IN = "BOOTSTRAP_FOLDER"
"""Set by the wrapper: the folder of the host in which it was started."""


def started_in() -> str:
    """Where relative paths of the engine's host begin; empty where nobody says it."""
    return os.environ.get(_STARTED_IN, "")


def absolute(path: Path | str) -> str:
    """In host mode there is no current directory to start from but our own container's, which is `/`."""
    return os.path.abspath(path)


def reached(reach: Callable[[str], str], path: Path | str) -> Path:
    """`reach` is the host's."""
    return Path(reach(absolute(path)))


def contents(host: HostReader, path: str, fix: str) -> bytes:
    """A file of the host that somebody typed. Raises BootstrapError (exit 3) for what is none, or is far too long."""
    place = absolute(path)
    try:
        status = host.stat(place)
        if status and status.size > MOST_BYTES:
            raise _unreadable(path, f"it has {status.size >> 20} MiB", fix)
        found = host.read(place)
    except BootstrapError as e:
        raise _unreadable(path, e.why, fix) from None
    if found is None:
        raise _unreadable(path, LOOKED_UP, fix)
    return found


def _unreadable(path: str, why: str, fix: str) -> BootstrapError:
    return BootstrapError(f"cannot read {path}", code=Exit.CONFIG, why=why, fix=fix)


def is_folder(path: Path) -> bool:
    return path.is_dir()


def opened(path: Path) -> IO[bytes]:
    """A file for reading, for a `with`. Raises OSError."""
    return path.open("rb")


def file_size(path: Path) -> int:
    """Bytes."""
    return path.stat().st_size


def chunks_of_input() -> Iterator[bytes]:
    """Standard input, piece by piece."""
    while chunk := sys.stdin.buffer.read(CHUNK):
        yield chunk


def write_below(folder: str, path: str, content: bytes) -> None:
    """A new file below a folder that somebody named, with the folders between. Raises OSError."""
    target = Path(folder, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
