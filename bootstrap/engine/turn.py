"""The machine's lock for commands that can wait for theirs: who pipes an image in cannot do so twice."""

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
def own_turn(host: Host, told: Callable[[str], None], patience: float = PATIENCE) -> Iterator[None]:
    """Waits until no `init`, `reset` or load runs on this machine, and keeps them out; `told` hears once for whom.

    Raises BootstrapError (exit 8) that names the holder when it takes too long.
    """
    said = list[str]()

    def take(stack: ExitStack) -> None:
        try:
            stack.enter_context(host.lock(names.LOCK))
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
