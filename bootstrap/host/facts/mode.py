"""What decides whether a host or a throwaway node is meant; looked at before anything is touched."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bootstrap.host.facts.capabilities import CAP_SYS_ADMIN, CAP_SYS_PTRACE, has_capability
from bootstrap.host.fs.rooted import locate
from bootstrap.host.live import MOUNT, LiveHost
from bootstrap.host.runtime.cri import PID1_ROOT
from bootstrap.preflight.mode import ROOT_DIRECTORIES, WRITTEN, Observed, UserNamespace

CAPABILITIES = (CAP_SYS_PTRACE, CAP_SYS_ADMIN)
"""For PID 1's namespaces; --privileged gives them and all others."""


def is_host_mounted() -> bool:
    """Whether something is mounted where host mode wants the host's root."""
    return os.path.ismount(MOUNT)


def look_around() -> Observed:
    """Reads only."""
    host_mounted = is_host_mounted() or (Path(MOUNT).is_dir() and any(Path(MOUNT).iterdir()))
    comm = _text("/proc/1/comm")
    pid1_is_hosts = _same_directory(PID1_ROOT, MOUNT)
    root = PID1_ROOT if pid1_is_hosts else MOUNT
    host = LiveHost(root)
    return Observed(
        verb=typed(),
        host_mounted=host_mounted,
        pid1_is_ours=_is_pid1_ours(),
        user_namespace=UserNamespace(*map(int, _text("/proc/self/uid_map").splitlines()[0].split())),
        privileged=all(map(has_capability, CAPABILITIES)),
        user=os.geteuid(),
        pid1_comm=comm,
        pid1_is_hosts=pid1_is_hosts,
        same_network=_same_namespace("net"),
        missing=tuple(name for name in ROOT_DIRECTORIES if host_mounted and not _is_directory(host, f"/{name}")),
        mounted_read_only=host_mounted and _is_mounted_read_only(root),
        systemd=comm == "systemd" and _is_directory(host, "/run/systemd/system"),
        read_only=tuple(path for path in WRITTEN if host_mounted and _is_read_only(root, path)),
        selinux_enforcing=host.is_selinux_enforcing() if host_mounted else False,
    )


def typed() -> str:
    """The command without its arguments, which may be secrets."""
    words = sys.argv[1:]
    return f"{words[0]} …" if len(words) > 1 else "".join(words) or "init"


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _is_directory(host: LiveHost, path: str) -> bool:
    found = host.stat(path)
    return found is not None and found.is_dir


def _same_directory(one: str, other: str) -> bool | None:
    """None when one of them cannot be seen."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return None


def _is_pid1_ours() -> bool:
    """Whether PID 1 is in this container: it has our root directory or, where that is hidden from us, our mounts."""
    same = _same_directory(PID1_ROOT, "/")
    if same is None:
        return _text("/proc/1/mountinfo").split()[:1] == _text("/proc/self/mountinfo").split()[:1]
    return same


def _same_namespace(kind: str) -> bool:
    try:
        return os.readlink(f"/proc/1/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")
    except OSError:
        return False


def _is_mounted_read_only(root: str) -> bool:
    """Whether the engine made it so; a host's / may be read-only by itself (ostree), and only `root` can tell."""
    return _is_read_only(MOUNT, "/") and (root == MOUNT or not _is_read_only(root, "/"))


def _is_read_only(root: str, path: str) -> bool:
    """Of the filesystem that a path is on, or would be on if it was made."""
    try:
        with locate(root, path) as place:
            fd = os.open(place.name, os.O_PATH | os.O_NOFOLLOW, dir_fd=place.fd)
    except FileNotFoundError:
        return _is_read_only(root, os.path.dirname(path))
    try:
        return bool(os.fstatvfs(fd).f_flag & os.ST_RDONLY)
    finally:
        os.close(fd)
