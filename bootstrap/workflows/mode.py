"""Which of the ways to run was chosen, decided once from what is mounted, and the host that it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bootstrap.host.live import NSENTER, LiveHost

HOST_ROOT = Path("/host")
NODE = "node"
HOST = "host"


@dataclass(frozen=True)
class Mode:
    name: str
    why: str


def enter() -> tuple[Mode, LiveHost]:
    """The mode and the host to work on."""
    if HOST_ROOT.is_dir() and any(HOST_ROOT.iterdir()):
        return Mode(HOST, "a host root is mounted at /host"), LiveHost(str(HOST_ROOT), NSENTER)
    return Mode(NODE, "no host root is mounted"), LiveHost()
