"""Removing a directory with all that is in it: follows no link, crosses no mount point."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from bootstrap.host.fs.dirent import DirEntry
from bootstrap.host.fs.durable import sync_directory
from bootstrap.host.fs.mountinfo import mount_point
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.protected import protection

DEEP = 100
"""Levels held open at once. What lies deeper is moved up first: a Pod can make a tree of any depth."""
OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove_tree(place: DirEntry) -> None:
    """Remove a tree, a file, or a link itself; what is absent is fine.

    Raises BootstrapError (exit 5) before anything is deleted when something is mounted at or below it, or when it is
    one of the system's own directories.
    """
    refuse_protected(place.path)
    try:
        found = os.stat(place.name, dir_fd=place.fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        top = os.open(place.name, OPEN, dir_fd=place.fd)
        try:
            _refuse_mounts(place, top)
            while os.listdir(top):
                _empty(top, top, mount_id(top), place.path, depth=1)
        finally:
            os.close(top)
        os.rmdir(place.name, dir_fd=place.fd)
    else:
        os.unlink(place.name, dir_fd=place.fd)
    sync_directory(place.fd)


def refuse_protected(path: str) -> None:
    """`path` is without links, below the root."""
    if kind := protection(path):
        raise BootstrapError(f"{path} is {kind} and is not removed", code=Exit.EFFECT, fix="name one inside it")


def _empty(fd: int, top: int, mount: int, path: str, depth: int) -> None:
    """Remove what is in a directory; the deepest are left in `top` for the next round."""
    with os.scandir(fd) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
            continue
        if depth == DEEP:
            os.rename(name, secrets.token_hex(16), src_dir_fd=fd, dst_dir_fd=top)
            continue
        child = os.open(name, OPEN, dir_fd=fd)
        try:
            if mount_id(child) != mount:  # mounted since we looked
                raise mounted([f"{path}/{name}"])
            _empty(child, top, mount, f"{path}/{name}", depth + 1)
        finally:
            os.close(child)
        os.rmdir(name, dir_fd=fd)


def _refuse_mounts(place: DirEntry, top: int) -> None:
    if mount_id(top) != mount_id(place.fd):
        raise mounted([place.path])
    real = os.readlink(f"/proc/self/fd/{top}")
    below = [point for point in _mount_points(mount_id(top)) if point.startswith(f"{real}/")]
    if below:
        raise mounted([place.path + point.removeprefix(real) for point in below])


def mount_id(fd: int) -> int:
    """Which mount a descriptor is in (proc_pid_fdinfo(5)); the device number would miss bind mounts."""
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("mnt_id:"):
            return int(line.split()[1])
    raise AssertionError("the kernel names no mount")


def _mount_points(mount: int) -> list[str]:
    """All mount points of the mount namespace that a mount is in: ours, or that of PID 1 (/proc/1/root)."""
    for process in ("self", "1"):
        lines = [line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines()]
        if any(int(fields[0]) == mount for fields in lines):
            return [mount_point(fields) for fields in lines]
    return []


def mounted(points: list[str]) -> BootstrapError:
    """Refuses to remove what has mount points in it; the error has the command that unmounts them, innermost first."""
    innermost_first = sorted(points, key=len, reverse=True)
    return BootstrapError(
        f"{points[0]} is a mount point, and nothing was removed from there",
        code=Exit.EFFECT,
        why="what is mounted may be somebody's data, not a copy",
        fix=f"umount {' '.join(innermost_first)}, then run the same command again",
        details=tuple(points),
    )
