"""The one way to try until a deadline; it ends when the run does.

How often to look: looking takes a share of a CPU, so that a slow machine has the rest for what is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_fixed,
)
from tenacity.retry import RetryBaseT
from tenacity.wait import wait_base

from bootstrap.engine.run_context import WAITING, RunContext, RunOver
from bootstrap.model.errors import BootstrapError, Exit

T = TypeVar("T")
SHARE = 0.05
"""Of a CPU, for each wait: a request costs some 3 ms, and its server as much; several waits run beside each other."""
LONGEST = 2.0
RETRY_SECONDS = 0.2
UNREACHABLE = "the API server does not answer"


class NotYet(Exception):
    """What was asked said something that passes by itself: starting, throttled, a namespace that is not there yet."""


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

    def repeat(self, retry: RetryBaseT, timeout: float, over: threading.Event, *, reraise: bool = False) -> T:
        """What the first look returns that `retry` does not want again, for `timeout` seconds and until `over` is set.

        Raises RetryError, or with `reraise` what the last look raised; RunOver when the run ended meanwhile.
        """
        stop = stop_after_delay(timeout) | stop_when_event_set(over)
        sleep = sleep_using_event(over)
        try:
            return Retrying(stop=stop, sleep=sleep, wait=self.wait, retry=retry)(self)
        except RetryError as e:
            if over.is_set():
                raise RunOver from None
            error = e.last_attempt.exception()
            if reraise and error:
                raise error from None
            raise


def retried(look: Callable[[], T], retry: RetryBaseT, timeout: float, over: threading.Event, pause: float) -> T:
    """Tries again while `retry` says so. Raises what the last try raised, or RunOver when the run ended meanwhile."""
    return Paced(look, wait_fixed(pause)).repeat(retry, timeout, over, reraise=True)


def persist(attempt: Callable[[], T], context: RunContext, timeout: float, failed: str) -> T:
    """What `attempt` returns once it raises neither NotYet nor ConnectionError.

    `timeout` is for a server that answers; one that is replaced meanwhile has as long as its start may take.
    Raises BootstrapError (exit 6) that begins with `failed`, or RunOver when the run ends meanwhile.
    """
    away = max(timeout, context.start_timeout)

    def told() -> T:
        try:
            return attempt()
        except (NotYet, ConnectionError) as e:
            WAITING.get()(failed, str(e) if isinstance(e, NotYet) else UNREACHABLE)
            raise

    def answered() -> T:
        return retried(told, retry_if_exception_type(NotYet), timeout, context.over, RETRY_SECONDS)

    try:
        return retried(answered, retry_if_exception_type(ConnectionError), away, context.over, RETRY_SECONDS)
    except (NotYet, ConnectionError) as e:
        allowed = timeout if isinstance(e, NotYet) else away
        raise BootstrapError(f"{failed} within {allowed:.0f} s", code=Exit.WAIT, why=f"last seen: {e}") from e
