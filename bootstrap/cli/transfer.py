"""How far a pull is: one line that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

from bootstrap.model.events import Transferred

EVERY = 10.0
"""Seconds between two lines where nothing can move."""
MOVES = 0.1
"""Seconds between two states of the line that moves."""


class TransferScreen:
    """Listens to a pull. Everything goes to standard error: results are on standard output."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._image = ""
        self._told = 0.0

    def __call__(self, event: Transferred) -> None:
        new, now = event.image != self._image, time.monotonic()
        if not new and now - self._told < (MOVES if self._terminal else EVERY):
            return
        self._image, self._told = event.image, now
        text = f"{event.image}  {megabytes(event.done)} of {megabytes(event.total)} MB from {event.host}"
        if self._terminal:
            print(f"\r\033[K   {text}", end="", file=sys.stderr, flush=True)
        else:
            print(f"   {text}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Makes room for a whole line."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"
