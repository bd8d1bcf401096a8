"""Ends of a process, and of a machine, at an exact place: before its Nth call that changes the disk."""

from __future__ import annotations

import fcntl
import itertools
import mmap
import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

NAMES = ("rename", "symlink", "mkdir", "unlink", "rmdir")
"""After these functions of `os` another name is on the disk."""
CALLS = (*NAMES, "open", "fsync", "fchmod", "fchown", "ftruncate", "write")
"""All of `os` by which the host's files change; what is written to an open file goes to a temporary one."""
EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
"""The journal is not written either: what no fsync brought to the disk is lost (fs/ext4/ext4.h)."""
End = Callable[[], object]
SIZE = 8
_open = os.open


def die() -> None:
    """Like a machine's out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)


def lose_power(mount: str) -> None:
    """The ext4 file system mounted there loses its power."""
    fd = _open(mount, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, NOLOGFLUSH.to_bytes(4, "little"))
    finally:
        os.close(fd)


def power_cut(mount: str) -> End:
    """The machine whose ext4 file system is mounted there stops."""

    def cut() -> None:
        lose_power(mount)
        die()

    return cut


def at_call(number: int, calls: Iterable[str] = NAMES, end: End = die) -> Callable[[], None]:
    """For the child: `end` comes before call `number` (the first is 0) of these functions, in whichever thread."""

    def look(made: int) -> None:
        if made == number:
            end()

    return lambda: watch(calls, look)


class Counter:
    """Counts the calls that a child makes."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, SIZE)

    def prepare(self) -> None:
        watch(CALLS, lambda made: self._shared.__setitem__(slice(SIZE), (made + 1).to_bytes(SIZE, "little")))

    @property
    def calls(self) -> int:
        return int.from_bytes(self._shared[:SIZE], "little")


def watch(calls: Iterable[str], look: Callable[[int], object]) -> None:
    """`look` is told, before each call, how many were made; an `open` that makes no file is none."""
    made, lock = itertools.count(), threading.Lock()

    def watched(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def run(*args: Any, **kwargs: object) -> object:
            if name != "open" or args[1] & os.O_CREAT:
                with lock:
                    look(next(made))
            return call(*args, **kwargs)

        return run

    for name in calls:
        setattr(os, name, watched(name, getattr(os, name)))
