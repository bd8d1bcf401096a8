"""Where the time went: falls out of the DAG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds since the start of the run, and how long the step took."""

    step: str
    group: str
    after: tuple[str, ...]
    started: float
    seconds: float
    changed: tuple[str, ...] = ()

    @property
    def ended(self) -> float:
        return self.started + self.seconds


@dataclass(frozen=True)
class Lane:
    """What was done on one node; `failed` are the steps that it ended with, and `begun` is when it began for all."""

    node: str
    timings: tuple[Timing, ...]
    failed: frozenset[str] = frozenset()
    begun: float = 0.0


def critical_path(timings: Sequence[Timing]) -> tuple[Timing, ...]:
    """The chain of steps that decided the length of the run, first step first.

    Walks back from the step that ended last to the predecessor that ended last, and so on.
    """
    by_id = {t.step: t for t in timings}
    if not by_id:
        return ()
    chain = [max(timings, key=lambda t: t.ended)]
    while before := [by_id[name] for name in chain[-1].after if name in by_id]:
        chain.append(max(before, key=lambda t: t.ended))
    return tuple(reversed(chain))
