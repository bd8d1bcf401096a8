"""Which of the ways to run was chosen, decided once, and the host that it means."""

from __future__ import annotations

from bootstrap.host.cri import PID1_ROOT
from bootstrap.host.live import NSENTER, LiveHost
from bootstrap.host.surroundings import look_around
from bootstrap.preflight.mode import HOST, NODE, Mode, choose

__all__ = ["HOST", "NODE", "Mode", "choose_mode", "enter"]


def choose_mode() -> Mode:
    """What is meant; a wrong set-up raises BootstrapError (exit 2 or 4) with the command that would work."""
    return choose(look_around())


def enter() -> tuple[Mode, LiveHost]:
    """The mode, and the host to work on."""
    mode = choose_mode()
    return mode, LiveHost(PID1_ROOT, NSENTER) if mode.name == HOST else LiveHost()
