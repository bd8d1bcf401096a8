"""Which of two versions of ours is the newer one."""

from __future__ import annotations

import re

_BUILD = re.compile(r"v?(\d+)\.(\d+)\.(\d+)[^+]*(?:\+bootstrap\.(\d+))?")


def is_newer(version: str, other: str) -> bool:
    """By its numbers, the build's only where both have one."""
    mine, yours = _numbers(version), _numbers(other)
    return mine[:3] > yours[:3] or (mine[:3] == yours[:3] and 0 < yours[3] < mine[3])


def _numbers(version: str) -> tuple[int, ...]:
    """Of a version with the number of its build, 0 where it has none."""
    found = _BUILD.match(version)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
