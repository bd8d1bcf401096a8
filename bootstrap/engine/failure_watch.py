"""Looks while others wait, and ends the run when the rule book says that waiting does not help."""

from __future__ import annotations

import time

from bootstrap.engine.run_context import RunContext

FIRST_LOOK = 3.0
"""Seconds into the run: an undisturbed one has hardly a wait this long, and pays nothing."""
PAUSE = 1.0
REST = 9
"""Times as long as a look took: commands are run for it, and a slow machine has something else to do."""
LONGEST = 30.0


def watch(context: RunContext) -> None:
    """Returns once the run is over. Raises BootstrapError (exit 6) with the cause of a definite failure."""
    pause = FIRST_LOOK
    while not context.over.wait(pause):
        began = time.monotonic()
        context.look()
        pause = min(max(PAUSE, REST * (time.monotonic() - began)), LONGEST)
