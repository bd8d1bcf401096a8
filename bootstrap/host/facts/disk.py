"""Filesystems below a host: room, inodes, and how long a small write takes to be durable."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from posixpath import dirname

from bootstrap.host.facts.procfs import attempt, lines
from bootstrap.host.fs.mountinfo import mount_point
from bootstrap.host.port import Host, HostReader
from bootstrap.model.facts import Filesystem
from bootstrap.preflight.mounts import RESTRICTIONS

WRITES = 100
WRITE_SIZE = 2300
"""Bytes: what etcd's hardware guide gives fio, a typical entry of its write-ahead log."""
MEASURING_TIME = 0.15
"""Seconds after which fewer writes have to do: init waits for this."""
FEWEST = 5


def filesystems(host: Host, paths: Iterable[str]) -> dict[str, Filesystem]:
    """Path → the filesystem that it is on, or will be on when it is made."""
    existing = {path: _existing(host, path) for path in paths}
    shown = attempt(host, ["df", "-B1", "--output=avail,iavail,itotal,target", *existing.values()]) or ""
    restrictions = _restrictions()
    found = {}
    for path, line in zip(existing, shown.splitlines()[1:], strict=False):
        free, inodes_free, inodes, mount = line.split(None, 3)
        found[path] = Filesystem(
            mount, _number(free), _number(inodes), _number(inodes_free), restrictions.get(mount, ())
        )
    return found


def _existing(host: HostReader, path: str) -> str:
    while path != "/" and host.stat(path) is None:
        path = dirname(path)
    return path


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _restrictions() -> dict[str, tuple[str, ...]]:
    """Mount point of the host → which of preflight's options it has (proc(5): mountinfo of its PID 1).

    The last mount counts.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in lines("/proc/1/mountinfo"):
        fields = line.split()
        words = {*fields[5].split(","), *fields[-1].split(",")}
        found[mount_point(fields)] = tuple(word for word in RESTRICTIONS if word in words)
    return found


def fsync_seconds(mount: str) -> float | None:
    """99th percentile of a small write and its fdatasync on the filesystem mounted there; None if not measurable.

    In a file without a name, so that nothing is left behind, whatever happens. The mount point is reached through the
    host's PID 1: it holds no symbolic link, so that it means the same there as on the host.
    """
    times: list[float] = []
    try:
        fd = os.open(f"/proc/1/root{mount}", os.O_TMPFILE | os.O_WRONLY, 0o600)
        try:
            end = time.perf_counter() + MEASURING_TIME
            while len(times) < WRITES and (len(times) < FEWEST or time.perf_counter() < end):
                begun = time.perf_counter()
                os.write(fd, bytes(WRITE_SIZE))
                os.fdatasync(fd)
                times.append(time.perf_counter() - begun)
        finally:
            os.close(fd)
    except OSError:
        return None
    return percentile(times, 99)


def percentile(values: list[float], percent: int) -> float:
    """The nearest rank."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
