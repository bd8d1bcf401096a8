"""Small changes to a place, each on the disk when it returns."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from bootstrap.host.commands import COMMAND_PATH, execute
from bootstrap.host.fs.dirent import DirEntry, require_regular

COPY_TIMEOUT = 900.0
"""Seconds for a copy of all images, some GB, on a slow disk."""


def make_directory(place: DirEntry, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
    """Make a directory, or give one that is there its mode; the owner is set on what is made only."""
    made = True
    try:
        os.mkdir(place.name, mode, dir_fd=place.fd)  # at once: nobody looks again at one that a killed run left
    except FileExistsError:
        made = False
    fd = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place.fd)
    try:
        if made:
            own(fd, owner)
        if made or os.fstat(fd).st_mode & 0o7777 != mode:
            os.fchmod(fd, mode)
            os.fsync(fd)
            sync_directory(place.fd)
    finally:
        os.close(fd)


def append_file(place: DirEntry, content: bytes, mode: int) -> None:
    """Add to a regular file, or leave it as it was when that fails; one that is made is root's and has `mode`."""
    fd = os.open(place.name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=place.fd)
    with open(fd, "ab") as file:
        found = os.fstat(fd)
        require_regular(found.st_mode, place.path)
        if not found.st_size:
            own(fd, (0, 0))
            os.fchmod(fd, mode)
        try:
            file.write(content)
            file.flush()
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, found.st_size)
            raise
    if not found.st_size:
        sync_directory(place.fd)


def set_value(place: DirEntry, value: str) -> None:
    """Write a kernel parameter: one write, and the file must exist."""
    fd = os.open(place.name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=place.fd)
    try:
        os.write(fd, f"{value}\n".encode())
    finally:
        os.close(fd)


def unlink(place: DirEntry) -> None:
    os.unlink(place.name, dir_fd=place.fd)
    sync_directory(place.fd)


def remove_empty(place: DirEntry) -> None:
    """Remove a directory, unless something is in it or mounted on it, or it is none."""
    try:
        os.rmdir(place.name, dir_fd=place.fd)
    except OSError as e:
        if e.errno not in (errno.ENOTEMPTY, errno.ENOTDIR, errno.EBUSY):
            raise
    sync_directory(place.fd)


def copy_tree(source: str, place: DirEntry) -> None:
    """Copy what is in a directory, with owners, modes, devices and extended attributes, and sync the filesystem."""
    make_directory(place, Path(source).stat().st_mode & 0o7777)
    fd = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place.fd)
    try:
        into = f"/proc/self/fd/{fd}"
        copy = ["cp", "--archive", "--remove-destination", "--", f"{source}/.", f"{into}/"]
        execute(copy, COMMAND_PATH, COPY_TIMEOUT, pass_fds=(fd,))
        execute(["sync", "--file-system", into], COMMAND_PATH, COPY_TIMEOUT, pass_fds=(fd,))
    finally:
        os.close(fd)


def own(fd: int, owner: tuple[int, int]) -> None:
    """Give a file an owner; nothing is asked of the kernel when it has that one already."""
    found = os.fstat(fd)
    if (found.st_uid, found.st_gid) != owner:
        os.fchown(fd, *owner)


def sync_directory(fd: int) -> None:
    """Names in a directory reach the disk (an O_PATH descriptor cannot do it itself)."""
    opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def fsync_directory(path: Path) -> None:
    """The same by its path."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
