"""Several nodes that start at once: a line each, live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping

from bootstrap.cli.screens.patience import FIRST
from bootstrap.cli.screens.screen import say
from bootstrap.model.secrets import hidden

_WIDTH = 60


class Nodes:
    """Listens to `watch`. On a terminal each node's last line stays in its place."""

    def __init__(self, roles: Mapping[str, str], began: float) -> None:
        self._roles, self._began = roles, began
        self._seen = dict.fromkeys(roles, "starts")
        self._open = list(roles)
        self._terminal = sys.stdout.isatty()
        self._drawn = 0
        self._due = began + FIRST
        self._lock = threading.Lock()

    def __call__(self, name: str, line: str, seconds: float | None) -> None:
        with self._lock:
            self._seen[name] = line.strip() or self._seen[name]
            self._clear()
            if name not in self._open:
                self._open.append(name)
            if seconds is not None:
                self._open.remove(name)
                say(f"{name:<28} {self._roles.get(name, ''):<40} {seconds:6.1f} s", "✓")
            elif not self._terminal and time.monotonic() > self._due:
                self._due = time.monotonic() + FIRST
                self._say_open()
            self._draw()

    def over(self) -> None:
        self._clear()

    def _say_open(self) -> None:
        elapsed = time.monotonic() - self._began
        for name in self._open:
            say(f"{name:<28} {elapsed:.0f} s: {self._seen[name][:_WIDTH]}", "…")

    def _draw(self) -> None:
        if self._terminal:
            for name in self._open:
                print(f"   {name:<28} {hidden(self._seen[name])[:_WIDTH]}", flush=True)
            self._drawn = len(self._open)

    def _clear(self) -> None:
        if self._drawn:
            print(f"\033[{self._drawn}A\033[J", end="", flush=True)
            self._drawn = 0
