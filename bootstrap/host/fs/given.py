"""Paths that somebody typed: from the current directory, and then wherever the host's files are for us."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

LOOKED_UP = "the path is looked up in this container, or on the host whose root is mounted at /host"
"""Why one of them may not be where somebody sees it."""


def absolute(path: Path | str) -> str:
    """In host mode there is no current directory to start from but our own container's, which is `/`."""
    return os.path.abspath(path)


def reached(reach: Callable[[str], str], path: Path | str) -> Path:
    """`reach` is the host's."""
    return Path(reach(absolute(path)))


def is_folder(path: Path) -> bool:
    return path.is_dir()


def opened(path: Path) -> IO[bytes]:
    """A file for reading, for a `with`. Raises OSError."""
    return path.open("rb")


def file_size(path: Path) -> int:
    """Bytes."""
    return path.stat().st_size
