"""The durable replacement of a file or link: never half there, and on the disk when it returns.

Temporary file with a leading dot in the same directory (the kubelet reads every other one in its manifest directory),
O_EXCL, owner and mode set on the descriptor, content, fsync, rename, fsync of the directory.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from bootstrap.host.fs.dirent import DirEntry, require_regular
from bootstrap.host.fs.durable import own, sync_directory


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o644, *, overwrite: bool = True) -> Iterator[IO[bytes]]:
    """A file of our own to write, by its path; it gets its name when the block ends well.

    Raises FileExistsError, with the old file untouched, when there is one and `overwrite` is false.
    """
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _named(DirEntry(fd, path.name, str(path)), overwrite=overwrite) as temp, _new_file(fd, temp, mode) as file:
            yield file
    finally:
        os.close(fd)


def replace_file(place: DirEntry, fill: Callable[[IO[bytes]], object], mode: int, owner: tuple[int, int]) -> None:
    """`fill` writes the content. Only a regular file is replaced: a masked unit is a link to /dev/null."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(place.name, dir_fd=place.fd, follow_symlinks=False)
        require_regular(found.st_mode, place.path)
    remove_leftovers(place)
    with _named(place) as temp, _new_file(place.fd, temp, mode, owner) as file:
        fill(file)


def replace_link(place: DirEntry, target: str) -> None:
    """What has the name now, a file or a link but no directory, is replaced by a link to `target`."""
    remove_leftovers(place)
    with _named(place) as temp:
        os.symlink(target, temp, dir_fd=place.fd)


@contextlib.contextmanager
def _named(place: DirEntry, *, overwrite: bool = True) -> Iterator[str]:
    """A temporary name; what has it when the block ends well gets the right one, and is gone otherwise."""
    temp = f".{place.name}.{secrets.token_hex(4)}.tmp"
    try:
        yield temp
        if overwrite:
            os.rename(temp, place.name, src_dir_fd=place.fd, dst_dir_fd=place.fd)
        else:
            os.link(temp, place.name, src_dir_fd=place.fd, dst_dir_fd=place.fd)
            os.unlink(temp, dir_fd=place.fd)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temp, dir_fd=place.fd)
        raise
    sync_directory(place.fd)


@contextlib.contextmanager
def _new_file(directory: int, name: str, mode: int, owner: tuple[int, int] | None = None) -> Iterator[IO[bytes]]:
    """Its content is on the disk when the block ends."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    with os.fdopen(fd, "w+b") as file:
        if owner:
            own(fd, owner)  # before the mode: a change of owner clears set-id bits
        os.fchmod(fd, mode)
        yield file
        file.flush()
        os.fsync(fd)


def remove_leftovers(place: DirEntry) -> None:
    """What a killed run left of this name; safe because one run at a time holds the lock."""
    pattern = re.compile(re.escape(f".{place.name}.") + r"[0-9a-f]{8}\.tmp")
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=place.fd)
    try:
        for name in filter(pattern.fullmatch, os.listdir(fd)):
            os.unlink(name, dir_fd=fd)
    finally:
        os.close(fd)
