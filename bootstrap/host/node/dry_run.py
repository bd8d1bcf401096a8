"""Whether the file of --config asks for a dry run: that makes no node, as `--dry-run` makes none."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bootstrap.host.node.pid1 import CONFIG, option_position

KINDS = ("InitConfiguration", "JoinConfiguration")
_FIELD = b"dryRun"


def wants_dry_run(argv: Sequence[str]) -> bool:
    """False as well where there is no file or it cannot be read: whoever reads it next says so."""
    position = option_position(argv, CONFIG)
    if position is None:
        return False
    index, prefix = position
    content = _look_at(argv[index].removeprefix(prefix))
    if _FIELD not in content.replace(b"\0", b""):  # the zeros of UTF-16
        return False
    from bootstrap.config import load  # only now: a start has no time for it

    return any(load(content).get(kind).get(_FIELD.decode()) for kind in KINDS)


def _look_at(source: str) -> bytes:
    """The content; standard input can be read once more after this."""
    if source != "-":
        try:
            return Path(source).read_bytes()
        except OSError:
            return b""
    content = sys.stdin.buffer.read()
    copy = os.memfd_create("config")
    os.write(copy, content)
    os.lseek(copy, 0, os.SEEK_SET)
    os.dup2(copy, sys.stdin.fileno())
    os.close(copy)
    return content
