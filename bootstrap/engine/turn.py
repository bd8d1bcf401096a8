"""One run at a time: a second `init`, `join` or `reset` is refused; a load of images has its turn, before or after.

Who pipes an image in cannot do so twice, and the `init` of a starting container is not run again: neither is refused
for the other's sake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tenacity import retry_if_exception

from bootstrap.engine.polling import retried
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

PATIENCE = 1800.0
"""Seconds; the longest `init` on a slow machine takes less."""
PAUSE = 0.5


@contextmanager
def alone(host: Host, told: Callable[[str], None]) -> Iterator[None]:
    """For what changes the whole machine. Raises BootstrapError (exit 8) at once when another such run is under way."""
    with host.lock(names.LOCK), own_turn(host, told):
        yield


@contextmanager
def own_turn(host: Host, told: Callable[[str], None], patience: float = PATIENCE) -> Iterator[None]:
    """Waits until nobody changes the images of this machine, and keeps others out; `told` hears once for whom.

    Raises BootstrapError (exit 8) that names the holder when it takes too long.
    """
    said = list[str]()

    def take(stack: ExitStack) -> None:
        try:
            stack.enter_context(host.lock(names.IMAGES_LOCK))
        except BootstrapError as e:
            if e.code == Exit.CONFLICT and not said:
                said.append(e.what)
                told(f"waiting: {e.what}")
            raise

    with ExitStack() as stack:
        retried(lambda: take(stack), retry_if_exception(_is_held), patience, threading.Event(), PAUSE)
        yield


def _is_held(error: BaseException) -> bool:
    return isinstance(error, BootstrapError) and error.code == Exit.CONFLICT
