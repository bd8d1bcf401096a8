"""A place, a name in an open directory, and what can be seen there. Links are not followed: `rooted` has done that."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader

from bootstrap.host.port import Kind, Stat


@dataclass(frozen=True)
class DirEntry:
    """A name in an open directory: `fd` lives as long as the `with` block, `name` is `.` for the directory itself.

    `path` is where that is below the root, without links.
    """

    fd: int
    name: str
    path: str


def content(place: DirEntry) -> bytes:
    with _opened(place) as file:
        return file.read()


def digest(place: DirEntry) -> str:
    """sha256 in hexadecimal."""
    with _opened(place) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def status(place: DirEntry) -> Stat:
    found = os.stat(place.name, dir_fd=place.fd, follow_symlinks=False)
    kind: Kind = "dir" if stat.S_ISDIR(found.st_mode) else "file" if stat.S_ISREG(found.st_mode) else "other"
    return Stat(stat.S_IMODE(found.st_mode), found.st_mtime, kind, found.st_uid, found.st_gid, found.st_size)


def names(place: DirEntry) -> tuple[str, ...]:
    fd = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place.fd)
    try:
        return tuple(sorted(os.listdir(fd)))
    finally:
        os.close(fd)


def link_target(place: DirEntry) -> str | None:
    """The text of a link, None for what is no link or does not exist."""
    try:
        return os.readlink(place.name, dir_fd=place.fd)
    except FileNotFoundError:
        return None
    except OSError as e:
        if e.errno == errno.EINVAL:
            return None
        raise


def require_regular(mode: int, path: str) -> None:
    """Raises OSError for what is no regular file: EISDIR, or EINVAL for devices, pipes and sockets."""
    if not stat.S_ISREG(mode):
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, os.strerror(code), path)


@contextmanager
def _opened(place: DirEntry) -> Iterator[BufferedReader]:
    """A regular file, for reading; a pipe that nobody writes to does not keep us waiting."""
    fd = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place.fd)
    try:
        require_regular(os.fstat(fd).st_mode, place.path)
        with open(fd, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(fd)
