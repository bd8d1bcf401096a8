"""Which of the ways to run was chosen, decided once, and the host that it means."""

from __future__ import annotations

from bootstrap.host.facts.mode import is_host_mounted, look_around, typed
from bootstrap.host.facts.start import is_booted, look_at_start
from bootstrap.host.live import NSENTER, LiveHost
from bootstrap.host.runtime.cri import PID1_ROOT
from bootstrap.preflight.mode import HOST, NODE, Mode, choose
from bootstrap.preflight.start import require_start

__all__ = ["HOST", "NODE", "Mode", "choose_mode", "enter", "look_on", "may_boot"]


def choose_mode() -> Mode:
    """What is meant; a wrong set-up raises BootstrapError (exit 2 or 4) with the command that would work."""
    return choose(look_around())


def may_boot() -> bool:
    """Whether this container is to become a node now: not in host mode, and not where systemd runs already.

    Raises BootstrapError (exit 2 or 4) where a node cannot start in it.
    """
    if choose_mode().name == HOST or is_booted():
        return False
    require_start(look_at_start(typed()))
    return True


def enter() -> tuple[Mode, LiveHost]:
    """The mode, and the host to work on."""
    mode = choose_mode()
    return mode, LiveHost(PID1_ROOT, NSENTER) if mode.name == HOST else LiveHost()


def look_on() -> tuple[str, LiveHost]:
    """The mode's name and the host, for who changes nothing there: without a host, any container will do."""
    if not is_host_mounted():
        return NODE, LiveHost()
    mode, host = enter()
    return mode.name, host
