"""How far a pull is: one line that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

from bootstrap.model.events import Transferred

EVERY = 10.0
"""Seconds between two lines where nothing can move."""
MOVES = 0.1
"""Seconds between two states of the line that moves."""
MEASURED = 1.0
"""Seconds after which a rate says something."""


class TransferScreen:
    """Listens to a pull. Everything goes to standard error: results are on standard output."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._told: dict[str, float] = {}
        self._first: dict[str, tuple[float, int]] = {}

    def __call__(self, event: Transferred) -> None:
        """Several images may be on their way at the same time: elsewhere each has its own lines."""
        key, pause = ("", MOVES) if self._terminal else (event.image, EVERY)
        now = time.monotonic()
        if now - self._told.get(key, -pause) < pause:
            return
        self._told[key] = now
        text = f"{event.image}  {megabytes(event.done)} of {megabytes(event.total)} MB from {event.host}"
        text += self._rate(event, now)
        if self._terminal:
            print(f"\r\033[K   {text}", end="", file=sys.stderr, flush=True)
        else:
            print(f"   {text}", file=sys.stderr, flush=True)

    def _rate(self, event: Transferred, now: float) -> str:
        """`, 8.2 MB/s`, of all that came since the first time; nothing in the first second."""
        since, before = self._first.setdefault(event.image, (now, event.done))
        seconds = now - since
        return f", {megabytes(round((event.done - before) / seconds))} MB/s" if seconds > MEASURED else ""

    def clear(self) -> None:
        """Makes room for a whole line."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"
