"""One run at a time: a second `init`, `join` or `reset` is refused; a load of images has its turn, before or after.

Who pipes an image in cannot do so twice, and the `init` of a starting container is not run again: neither is refused
for the other's sake.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tenacity import retry_if_exception

from bootstrap.engine.polling import retried
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

PATIENCE = 1800.0
"""Seconds; the longest `init` on a slow machine takes less."""
START = 60.0
"""Seconds that a container may take to start its runtime."""
PAUSE = 0.5


class _Starting(Exception):
    """The runtime is not up yet: who starts it has the first turn."""


def nothing_starts() -> bool:
    """On a machine that is up."""
    return False


@contextmanager
def alone(host: Host, told: Callable[[str], None]) -> Iterator[None]:
    """For what changes the whole machine. Raises BootstrapError (exit 8) at once when another such run is under way."""
    with host.lock(names.LOCK), own_turn(host, told):
        yield


@contextmanager
def own_turn(
    host: Host, told: Callable[[str], None], patience: float = PATIENCE, starting: Callable[[], bool] = nothing_starts
) -> Iterator[None]:
    """Waits until nobody changes the images of this machine, and keeps others out; `told` hears once for whom.

    While the machine's runtime is `starting` everybody else goes first. Raises BootstrapError (exit 8) that names the
    holder when it takes too long.
    """
    said, began = list[str](), time.monotonic()

    def take(stack: ExitStack) -> None:
        try:
            with ExitStack() as held:
                held.enter_context(host.lock(names.IMAGES_LOCK))
                if starting() and time.monotonic() - began < START:
                    raise _Starting
                stack.push(held.pop_all())
        except BootstrapError as e:
            if e.code == Exit.CONFLICT and not said:
                said.append(e.what)
                told(f"waiting: {e.what}")
            raise

    with ExitStack() as stack:
        retried(lambda: take(stack), retry_if_exception(_passes), patience, threading.Event(), PAUSE)
        yield


def _passes(error: BaseException) -> bool:
    return isinstance(error, _Starting) or (isinstance(error, BootstrapError) and error.code == Exit.CONFLICT)
