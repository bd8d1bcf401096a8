"""One run at a time: an flock(2) on a file, which the kernel gives back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.host.fs.dirent import DirEntry
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.secrets import hidden_words

READ_LIMIT = 64 * 1024
PATIENCE, PAUSE = 1.0, 0.01
"""Seconds for a holder to say who it is, and between two looks."""
OTHERS_PATIENCE = 5.0
"""Seconds for another program to end with a file."""


def acquire(place: DirEntry) -> int:
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
            error = _held(place.path, _holder(fd))
            os.close(fd)
            raise error from None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def make_lock_file(place: DirEntry) -> None:
    """The file, which must not be there: as kubectl does it. Raises BootstrapError (exit 8) when it stays."""
    deadline = time.monotonic() + OTHERS_PATIENCE
    while True:
        try:
            os.close(os.open(place.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0, dir_fd=place.fd))
        except FileExistsError:
            if time.monotonic() > deadline:
                raise left_there(place.path) from None
            time.sleep(PAUSE)
        else:
            return


def left_there(path: str) -> BootstrapError:
    """Another program holds a lock, or died with it."""
    return BootstrapError(
        f"another program is changing {path.removesuffix('.lock')}: {path} is there",
        code=Exit.CONFLICT,
        why="kubectl config and tools like it make that file while they work; one that was killed leaves it",
        fix=f"if none of them runs: rm -f {path}, then run the same command again",
    )


def _has_name(fd: int, place: DirEntry) -> bool:
    """False when the file was removed before we had its lock: then another process may hold that of a newer one."""
    try:
        return os.path.samestat(os.stat(place.name, dir_fd=place.fd, follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False


def _describe_holder(fd: int) -> None:
    words = hidden_words(["bootstrap", *sys.argv[1:]])  # they are shown to whoever waits
    holder = json.dumps({"pid": os.getpid(), "argv": words, "started": time.time()}).encode()
    os.pwrite(fd, holder, 0)
    os.ftruncate(fd, len(holder))


def _holder(fd: int) -> tuple[int, str, str] | None:
    """Pid, command and start of who has the lock; None when it does not say so in time.

    It may have the lock and not have written yet: then the file is empty, or speaks of a run that ended long ago.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            holder = json.loads(os.pread(fd, READ_LIMIT, 0))
            pid, command = int(holder["pid"]), " ".join(holder["argv"])
            since = f"{datetime.fromtimestamp(holder['started'], UTC):%Y-%m-%d %H:%M:%S} UTC"
        except (ValueError, KeyError, TypeError):
            pid = 0
        if pid and Path(f"/proc/{pid}").exists():
            return pid, command, since
        time.sleep(PAUSE)
    return None


def _held(path: str, holder: tuple[int, str, str] | None) -> BootstrapError:
    if holder is None:
        return BootstrapError(f"another run holds {path}", code=Exit.CONFLICT, fix="run the same command again")
    pid, command, since = holder
    return BootstrapError(
        f"another run holds the lock since {since}: {command} (pid {pid})",
        code=Exit.CONFLICT,
        why="two runs at once would overwrite each other's changes",
        fix=f"wait until it has ended, or stop it (kill {pid}); the lock goes with it",
    )
