"""Looks while others wait, and ends the run when the rule book says that waiting does not help."""

from __future__ import annotations

from bootstrap.engine.world import World

FIRST_LOOK = 3.0
"""Seconds into the run: an undisturbed one has hardly a wait this long, and pays nothing."""
PAUSE = 1.0


def watch(world: World) -> None:
    """Returns once the run is over. Raises BootstrapError (exit 6) with the cause of a definite failure."""
    pause = FIRST_LOOK
    while not world.over.wait(pause):
        world.look()
        pause = PAUSE
