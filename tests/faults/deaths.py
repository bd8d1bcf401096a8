"""Ends of a process, and of a machine, at an exact place: before its Nth call that changes the disk."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterable

NAMES = ("rename", "symlink", "mkdir", "unlink", "rmdir")
"""After these functions of `os` another name is on the disk."""
CALLS = (*NAMES, "open", "fsync", "fchmod", "fchown", "ftruncate", "write")
"""All of `os` by which the host's files change; what is written to an open file goes to a temporary one."""
EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
"""The journal is not written either: what no fsync brought to the disk is lost (fs/ext4/ext4.h)."""
End = Callable[[], object]


def die() -> None:
    """Like a machine's out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)


def power_cut(mount: str) -> End:
    """The ext4 file system mounted there loses its power."""

    def cut() -> None:
        fd = os.open(mount, os.O_RDONLY)
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, NOLOGFLUSH.to_bytes(4, "little"))
        die()

    return cut


def at_call(number: int, calls: Iterable[str] = NAMES, end: End = die) -> Callable[[], None]:
    """For the child: `end` comes before call `number` (the first is 0) of these functions, in whichever thread."""

    def prepare() -> None:
        left, lock = [number], threading.Lock()

        def watched(call: Callable[..., object]) -> Callable[..., object]:
            def run(*args: object, **kwargs: object) -> object:
                with lock:
                    if not left[0]:
                        end()
                    left[0] -= 1
                return call(*args, **kwargs)

            return run

        for name in calls:
            setattr(os, name, watched(getattr(os, name)))

    return prepare
