"""A wait that goes on is told after ten seconds, then ever more seldom, with what was last seen."""

from __future__ import annotations

from bootstrap.cli.screens.patience import Patience
from bootstrap.model.events import StepWaiting


def waiting(seen: str, step: str = "node-ready", what: str = "node n Ready") -> StepWaiting:
    return StepWaiting(step, "Node", what, seen)


def test_a_wait_is_told_after_ten_twenty_and_forty_seconds_with_what_was_last_seen() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    told: dict[float, str] = {}
    for tenth in range(500):
        now[0] = tenth / 10
        if line := patience.line(waiting(f"no CNI yet {tenth}")):
            told[now[0]] = line

    assert list(told) == [10.0, 20.0, 40.0]
    assert told[10.0] == "waiting for 10 s: node n Ready: no CNI yet 100"


def test_the_next_thing_that_a_step_waits_for_begins_anew() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])

    assert patience.line(waiting("a", what="one")) == ""
    now[0] = 11
    assert patience.line(waiting("a", what="two")) == ""
    now[0] = 12
    assert patience.line(waiting("a", "other-step")) == ""
    now[0] = 21
    assert patience.line(waiting("b", what="two")) == "waiting for 10 s: two: b"
