"""How often to look: looking takes a share of a CPU, so that a slow machine has the rest for what is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from tenacity import RetryCallState, Retrying, sleep_using_event, stop_after_delay, stop_when_event_set
from tenacity.retry import retry_base
from tenacity.wait import wait_base

T = TypeVar("T")
SHARE = 0.05
"""Of a CPU, for each wait: a request costs some 3 ms, and its server as much; several waits run beside each other."""
LONGEST = 2.0


class Paced(Generic[T]):
    """A look whose `wait` is, for tenacity, `pause` or longer: as long as the last look's CPU time asks for.

    The first look does not count: it imports the HTTP client.
    """

    def __init__(self, look: Callable[[], T], pause: wait_base) -> None:
        self._look = look
        self._pause = pause
        self._cost = 0.0

    def __call__(self) -> T:
        began = time.thread_time()
        try:
            return self._look()
        finally:
            self._cost = time.thread_time() - began

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next look."""
        cost = self._cost if state.attempt_number > 1 else 0.0
        return max(self._pause(state), min(cost / SHARE, LONGEST))

    def repeat(self, retry: retry_base, timeout: float, over: threading.Event, *, reraise: bool = False) -> T:
        """What the first look returns that `retry` does not want again, for `timeout` seconds and until `over` is set.

        Raises RetryError, or with `reraise` what the last look raised.
        """
        stop = stop_after_delay(timeout) | stop_when_event_set(over)
        sleep = sleep_using_event(over)
        return Retrying(stop=stop, sleep=sleep, wait=self.wait, retry=retry, reraise=reraise)(self)
