"""Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OCTAL = re.compile(r"\\([0-7]{3})")


def mount_point(fields: Sequence[str]) -> str:
    """The mount point in a line's fields: the fifth, in which blanks and backslashes are octal escapes."""
    return _OCTAL.sub(lambda escaped: chr(int(escaped[1], 8)), fields[4])
