"""The durable replacement of a file or link: never half there, and on the disk when it returns.

Temporary file with a leading dot in the same directory (the kubelet reads every other one in its manifest directory),
O_EXCL, owner and mode set on the descriptor, content, fsync, rename, fsync of the directory.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from typing import IO

from bootstrap.host.fs.dirent import DirEntry, require_regular
from bootstrap.host.fs.durable import own, sync_directory


def replace_file(place: DirEntry, fill: Callable[[IO[bytes]], object], mode: int, owner: tuple[int, int]) -> None:
    """`fill` writes the content. Only a regular file is replaced: a masked unit is a link to /dev/null."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(place.name, dir_fd=place.fd, follow_symlinks=False)
        require_regular(found.st_mode, place.path)
    _replace(place, lambda temp: _make_file(place.fd, temp, fill, mode, owner))


def replace_link(place: DirEntry, target: str) -> None:
    """What has the name now, a file or a link but no directory, is replaced by a link to `target`."""
    _replace(place, lambda temp: os.symlink(target, temp, dir_fd=place.fd))


def _replace(place: DirEntry, make: Callable[[str], None]) -> None:
    remove_leftovers(place)
    temp = f".{place.name}.{secrets.token_hex(4)}.tmp"
    try:
        make(temp)
        os.rename(temp, place.name, src_dir_fd=place.fd, dst_dir_fd=place.fd)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temp, dir_fd=place.fd)
        raise
    sync_directory(place.fd)


def _make_file(
    directory: int, name: str, fill: Callable[[IO[bytes]], object], mode: int, owner: tuple[int, int]
) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    with os.fdopen(fd, "wb") as file:
        own(fd, owner)  # before the mode: a change of owner clears set-id bits
        os.fchmod(fd, mode)
        fill(file)
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
