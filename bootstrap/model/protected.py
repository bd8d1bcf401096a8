"""Directories that nobody empties or removes on our behalf: no record and no configuration makes us."""

from __future__ import annotations

from collections.abc import Collection

from bootstrap.model import names

_TOP = (
    *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
    *("srv", "sys", "tmp", "usr", "var"),
)
_NEXT = (
    *("/etc/systemd", "/etc/systemd/system", "/etc/ssl", "/etc/ssl/certs", "/etc/cni", names.CNI_CONF_DIR, "/opt/cni"),
    *("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/local", "/usr/sbin", "/usr/share", "/run/systemd"),
    *(f"/usr/local/{name}" for name in ("bin", "etc", "lib", "sbin", "share")),
    *(f"/var/{name}" for name in ("cache", "lib", "log", "mail", "opt", "spool", "tmp")),
)
_KERNELS = ("/proc/", "/sys/", "/boot/")
SYSTEM = frozenset(["/", *(f"/{name}" for name in _TOP), *_NEXT])


def protection(path: str, homes: Collection[str] = (), mounts: Collection[str] = ()) -> str:
    """What a directory is, when it must stay with all that is in it; empty when it may go.

    `path` is absolute and without links. `homes` are home directories, `mounts` mount points that are not ours.
    """
    if path in SYSTEM or path.startswith(_KERNELS):
        return "a directory of the system"
    if _is_home(path) or _holds(path, homes):
        return "somebody's home directory, or holds one"
    if _holds(path, mounts):
        return "a mount point, or holds one"
    return ""


def _is_home(path: str) -> bool:
    return path.startswith("/home/") and path.count("/") == 2


def _holds(path: str, others: Collection[str]) -> bool:
    return any(f"{other}/".startswith(f"{path}/") for other in others)
