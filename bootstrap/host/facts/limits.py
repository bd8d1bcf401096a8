"""What the kernel lets us use: the container's own limits, and inotify, which all containers of a machine share."""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from bootstrap.host.facts.procfs import first
from bootstrap.model.facts import Inotify, Limits
from bootstrap.preflight.limits import CLUSTER_INSTANCES, CLUSTER_WATCHES

CGROUPS = Path("/sys/fs/cgroup")
SYSCTLS = "/proc/sys/fs/inotify"
NO_LIMIT = 1 << 60
"""cgroup v1 writes "no limit" as a number, the largest multiple of a page."""
HOLDERS = ("systemd", "containerd", "kubelet", "kube-apiserver", "kube-controller", "kube-scheduler", "kube-proxy")
"""Processes of a node that hold inotify instances, by the 15 letters that the kernel keeps of a name."""
IN_DELETE_SELF = 0x400  # linux/inotify.h


def limits(root: Path = CGROUPS) -> Limits:
    """Of our own cgroup, which is the root of what a container with a cgroup namespace of its own sees."""
    quota, _, period = (_word(root / "cpu.max") or _v1_cpu(root / "cpu")).partition(" ")
    memory = _number(_word(root / "memory.max") or _word(root / "memory/memory.limit_in_bytes"))
    return Limits(
        memory=memory if memory < NO_LIMIT else 0,
        cpus=_number(quota) / (_number(period) or 1),
        processes=_number(_word(root / "pids.max") or _word(root / "pids/pids.max")),
    )


def _word(path: Path) -> str:
    return first(str(path))


def _v1_cpu(folder: Path) -> str:
    return f"{_word(folder / 'cpu.cfs_quota_us')} {_word(folder / 'cpu.cfs_period_us')}"


def _number(text: str) -> int:
    """0 for `max`, for -1 and for what is not there."""
    return int(text) if text.isdigit() else 0


def inotify(wanted: int = CLUSTER_INSTANCES) -> Inotify:
    """Tried, since nothing says how much of the limits is used: what is made here is closed again."""
    libc = ctypes.CDLL(None)
    made: list[int] = []
    watches = 0
    try:
        while len(made) < wanted and (fd := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
            made.append(fd)
        for path in itertools.islice(_files(), CLUSTER_WATCHES if made else 0):
            if libc.inotify_add_watch(made[0], os.fsencode(path), IN_DELETE_SELF) >= 0:
                watches += 1
    finally:
        for fd in made:
            os.close(fd)
    return Inotify(
        instances=len(made),
        watches=watches,
        held=_held() if len(made) < wanted else 0,
        max_instances=_number(first(f"{SYSCTLS}/max_user_instances")),
        max_watches=_number(first(f"{SYSCTLS}/max_user_watches")),
    )


def _files() -> Iterator[str]:
    """Enough files that can be watched: those of Python itself."""
    for folder, _, names in os.walk(os.path.dirname(os.__file__)):
        yield from (os.path.join(folder, name) for name in names)


def _held() -> int:
    """By processes that we can see: in a container its own, on a host all of it."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if first(str(process / "comm")) in HOLDERS:
                links = (os.readlink(fd) for fd in (process / "fd").iterdir())
                count += sum(link == "anon_inode:inotify" for link in links)
        except OSError:
            continue
    return count
