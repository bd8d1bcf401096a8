"""What the system says when a file operation fails, as an error that a user can act on."""

from __future__ import annotations

import errno
import os

from bootstrap.model.errors import BootstrapError, Exit

AGAIN = "then run the same command again; it goes on where it stopped"
_CAUSES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the filesystem is full", "free some space there (df -h {directory}; df -i {directory})"),
    errno.EDQUOT: ("a disk quota of root is used up", "raise it or free some space (quota -v, df -h {directory})"),
    errno.EROFS: ("the filesystem is mounted read-only", "mount it writable (findmnt -T {directory})"),
    errno.ENOTDIR: ("a part of the path is a file, not a directory", "look for it (namei -l {path}) and move it away"),
    errno.ELOOP: ("its symbolic links go in a circle, or are more than 40", "correct them (namei -l {path})"),
    errno.EACCES: (
        "permission denied, to root too: a security module or a network filesystem refuses",
        "look at the kernel's log (dmesg, journalctl -k) and at the mount (findmnt -T {directory})",
    ),
    errno.EPERM: (
        "not permitted, to root too: an immutable file, or a container without privileges",
        "look for an i or a (lsattr -d {directory} {path}), and run the container with --privileged",
    ),
    errno.ENOENT: ("{directory} does not exist", "make it (mkdir -p {directory})"),
    errno.EISDIR: ("it is a directory", "move it away (mv {path} {path}.old)"),
    errno.EINVAL: (
        "it is a device, a socket or a pipe, not a file; a masked unit is a link to /dev/null",
        "remove it (systemctl unmask, if it is a unit: ls -l {path})",
    ),
    errno.EBUSY: ("something is mounted there, or uses it", "unmount it (findmnt -R {path})"),
    errno.EIO: ("the disk reports an error", "look at the kernel's log (dmesg, journalctl -k) and replace the disk"),
}
_NO_INODES = ("the filesystem has space but no inodes left", "remove files there (df -i {directory})")
_UNKNOWN = ("{reason}", "make {directory} writable")


def file_error(action: str, path: str, error: OSError, no_inodes: bool = False) -> BootstrapError:
    """`cannot write /etc/x: …` (exit 5). `no_inodes` tells the two meanings of ENOSPC apart, where that is known."""
    why, fix = _CAUSES.get(error.errno or 0, _UNKNOWN)
    if error.errno == errno.ENOSPC and no_inodes:
        why, fix = _NO_INODES
    reason = error.strerror or str(error)
    words = {"path": path, "directory": os.path.dirname(path) or "/", "reason": reason}
    return BootstrapError(
        f"cannot {action} {path}: {reason}",
        code=Exit.EFFECT,
        why=why.format(**words),
        fix=f"{fix.format(**words)}, {AGAIN}",
    )


def out_of_inodes(fd: int) -> bool:
    """Whether the filesystem of a descriptor counts inodes (btrfs does not) and has none left."""
    found = os.fstatvfs(fd)
    return found.f_files > 0 and found.f_favail == 0
