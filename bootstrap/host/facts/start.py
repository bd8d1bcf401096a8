"""What a container offers to a node's start. Reads only (inotify is tried, and given back)."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from bootstrap.host.facts.capabilities import CAP_SYS_RESOURCE, has_capability, is_writable
from bootstrap.host.facts.limits import inotify, limits
from bootstrap.host.facts.procfs import first
from bootstrap.host.fs.mountinfo import mount_points
from bootstrap.preflight.start import BROUGHT, CAPABILITIES, WRITTEN, Observed

SYSCTL = "/proc/sys/net/ipv4/ip_forward"
KMSG = "/dev/kmsg"
CGROUPS = "/sys/fs/cgroup"
SYSTEMD_SOCKET = "/run/systemd/private"
"""There once `systemctl` is answered."""
STARTING = ("bootstrap", "init", "systemd")
"""Names of PID 1 from our program to systemd."""


def is_booted(patience: float = 10) -> bool:
    """Whether systemd is PID 1 here and answers.

    In the first moments of a container PID 1 is this program, on its way to systemd: that is waited for.
    """
    deadline = time.monotonic() + patience
    while not (found := first("/proc/1/comm") == "systemd" and Path(SYSTEMD_SOCKET).exists()):
        if os.getpid() == 1 or first("/proc/1/comm") not in STARTING or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return found


def look_at_start(verb: str) -> Observed:
    mounts = mount_points()
    return Observed(
        verb=verb,
        pid1="" if os.getpid() == 1 else first("/proc/1/comm"),
        user=os.geteuid(),
        uncapable=tuple(name for name, number in CAPABILITIES.items() if not has_capability(number)),
        devices=Path(KMSG).exists(),
        sysctls=is_writable(SYSCTL),
        cgroups=any(Path(mount).is_relative_to(CGROUPS) for mount in mounts),
        root_read_only=_is_read_only("/"),
        read_only=tuple(path for path in WRITTEN if _is_read_only(path)),
        covered=tuple((path, _mount_of(path, mounts)) for path in BROUGHT if not Path(path).exists()),
        open_files=_open_files(),
        can_raise=has_capability(CAP_SYS_RESOURCE),
        limits=limits(),
        inotify=inotify(),
    )


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except FileNotFoundError:
        return False  # made when it is needed, where its parent can be written


def _mount_of(path: str, mounts: tuple[str, ...]) -> str:
    return max((mount for mount in mounts if Path(path).is_relative_to(mount)), key=len, default="/")


def _open_files() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 30 if hard == resource.RLIM_INFINITY else hard
