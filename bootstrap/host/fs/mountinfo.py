"""Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OCTAL = re.compile(r"\\([0-7]{3})")


def mount_point(fields: Sequence[str]) -> str:
    """The mount point in a line's fields: the fifth, in which blanks and backslashes are octal escapes."""
    return _OCTAL.sub(lambda escaped: chr(int(escaped[1], 8)), fields[4])


def mount_points() -> tuple[str, ...]:
    """Of our own mount namespace."""
    with open("/proc/self/mountinfo") as file:
        return tuple(mount_point(line.split()) for line in file)
