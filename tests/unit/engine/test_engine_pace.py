"""How often is looked: seldom enough that a slow machine has its CPUs for what is waited for."""

from __future__ import annotations

import threading
import time

import pytest
from tenacity import RetryCallState, Retrying, wait_fixed

from bootstrap.engine import failure_watch, polling
from bootstrap.engine.polling import Paced
from tests.unit.engine.fakes import context


def after(attempt: int) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    return state


@pytest.mark.parametrize(
    ("cost", "attempt", "pause"),
    [
        pytest.param(0.003, 2, 0.2, id="what costs little is looked at as often as can be"),
        pytest.param(0.05, 2, 1.0, id="one part in twenty"),
        pytest.param(9.0, 2, polling.LONGEST, id="not too seldom"),
        pytest.param(9.0, 1, 0.2, id="the first look loads what looking needs"),
    ],
)
def test_a_look_takes_a_share_of_a_cpu(
    cost: float, attempt: int, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((1.0, 1.0 + cost))
    monkeypatch.setattr(time, "thread_time", lambda: next(clock))
    paced = Paced(lambda: "seen", wait_fixed(0.2))

    assert paced() == "seen"
    assert paced.wait(after(attempt)) == pytest.approx(pause)


class Over(threading.Event):
    """A run that ends with the second pause; it notes how long they are."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0)
        return len(self.pauses) == 2


@pytest.mark.parametrize(("took", "pause"), [(0.01, failure_watch.PAUSE), (2.0, 18.0), (60.0, failure_watch.LONGEST)])
def test_a_long_look_for_failures_is_followed_by_a_longer_pause(
    took: float, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((1.0, 1.0 + took))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    subject = context()
    subject.over = over = Over()

    failure_watch.watch(subject)

    assert over.pauses == [failure_watch.FIRST_LOOK, pytest.approx(pause)]
