"""A lane of the timings' page, made of what is told of one node, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bootstrap.engine.timings import Lane, Timing


class LaneBuilder:
    """`zero` is when the page begins, in seconds since the epoch: where the first step began, unless it is given."""

    def __init__(self, node: str, zero: float = 0) -> None:
        self.node = node
        self._zero, self._begun = zero, 0.0
        self._after: dict[str, tuple[str, ...]] = {}
        self._open: dict[str, Timing] = {}
        self._done: list[Timing] = []
        self._failed: set[str] = set()

    def take(self, record: Mapping[str, Any]) -> None:
        step = record.get("step", "")
        match record["event"]:
            case "run-planned":
                self._after |= {known["step"]: tuple(known["after"]) for known in record["steps"]}
            case "step-started":
                at = _seconds(record)
                self._begun = self._begun or at
                self._open[step] = Timing(step, record["group"], self._after.get(step, ()), at - self._begun, 0.0)
            case "step-done":
                known, changed = self._open.pop(step), tuple(record["changed"])
                times = {"started": record["started"], "seconds": record["seconds"]}
                self._done.append(replace(known, **times, changed=changed))
            case "step-failed":
                self._failed.add(step)

    def lane(self, now: float) -> Lane:
        """What was done, and what had begun, until `now` (seconds since the epoch)."""
        open_ = [replace(timing, seconds=now - self._begun - timing.started) for timing in self._open.values()]
        begun = self._begun - self._zero if self._zero and self._begun else 0.0
        return Lane(self.node, (*self._done, *open_), frozenset(self._failed), begun)


def _seconds(record: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(record["time"]).timestamp()
