"""One run at a time: an flock(2) on a file, which the kernel gives back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
from datetime import UTC, datetime

from bootstrap.host.place import Place
from bootstrap.model.errors import BootstrapError, Exit

_SECRET = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}|[0-9a-f]{64}")
"""Bootstrap tokens and certificate keys: the holder's command line is shown to whoever waits."""
READ_LIMIT = 64 * 1024


def acquire(place: Place) -> int:
    """A descriptor that holds the lock; close it to let go.

    Raises BootstrapError (exit 8) that names the holder when another process has it.
    """
    while True:
        fd = os.open(place.name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=place.fd)
        try:
            os.fchmod(fd, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _has_name(fd, place):
                _describe_holder(fd)
                return fd
        except BlockingIOError:
            error = _held(place.path, os.pread(fd, READ_LIMIT, 0))
            os.close(fd)
            raise error from None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _has_name(fd: int, place: Place) -> bool:
    """False when the file was removed before we had its lock: then another process may hold that of a newer one."""
    try:
        return os.path.samestat(os.stat(place.name, dir_fd=place.fd, follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False


def _describe_holder(fd: int) -> None:
    words = [_SECRET.sub("***", word) for word in ["bootstrap", *sys.argv[1:]]]
    holder = json.dumps({"pid": os.getpid(), "argv": words, "started": time.time()}).encode()
    os.pwrite(fd, holder, 0)
    os.ftruncate(fd, len(holder))


def _held(path: str, content: bytes) -> BootstrapError:
    try:
        holder = json.loads(content)
        pid, command = int(holder["pid"]), " ".join(holder["argv"])
        since = f"{datetime.fromtimestamp(holder['started'], UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not written yet
        return BootstrapError(f"another run holds {path}", code=Exit.CONFLICT, fix="run the same command again")
    return BootstrapError(
        f"another run holds the lock since {since}: {command} (pid {pid})",
        code=Exit.CONFLICT,
        why="two runs at once would overwrite each other's changes",
        fix=f"wait until it has ended, or stop it (kill {pid}); the lock goes with it",
    )
