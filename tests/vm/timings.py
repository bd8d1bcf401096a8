"""How long each part took, for the end of the run: an emulated machine is slow, and where it is slow should be seen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

TIMES: list[tuple[str, float]] = []


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Note how long a part took, also when it failed."""
    start = time.monotonic()
    try:
        yield
    finally:
        TIMES.append((what, time.monotonic() - start))
