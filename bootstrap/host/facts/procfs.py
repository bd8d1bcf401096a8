"""Looking at what may not be there: kernel files, and commands that may not be installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError


def lines(path: str) -> list[str]:
    """Of a file below /proc or /sys, which are the host's own; empty when it cannot be read."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def first(path: str) -> str:
    """Its first line."""
    found = lines(path)
    return found[0].strip() if found else ""


def attempt(host: Host, argv: Sequence[str], timeout: float = 5) -> str | None:
    """Output of a command that only shows; None when it fails, takes too long, or is not installed."""
    try:
        return host.run(argv, timeout)
    except BootstrapError:
        return None
