"""What is said of a wait that goes on: not each look, but after ten seconds, and then ever more seldom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.model.events import StepWaiting

FIRST = 10.0
"""Seconds of silence at the beginning of a wait; the next ones are twice as long each, up to `LONGEST`."""
LONGEST = 60.0


@dataclass
class _Wait:
    what: str
    began: float
    due: float


class Patience:
    """Knows for each step since when it waits for one thing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[str, _Wait] = {}

    def line(self, event: StepWaiting) -> str:
        """What to say now; mostly nothing."""
        now = self._clock()
        wait = self._waits.get(event.step)
        if wait is None or wait.what != event.condition:
            self._waits[event.step] = wait = _Wait(event.condition, now, now + FIRST)
        if now < wait.due:
            return ""
        elapsed = now - wait.began
        wait.due = now + min(elapsed, LONGEST)
        return f"waiting for {elapsed:.0f} s: {event.condition}: {event.seen}"

    def over(self, step: str) -> None:
        """It waits no more."""
        self._waits.pop(step, None)
