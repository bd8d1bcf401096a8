"""Progress moves on a terminal, and is a few whole lines elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from bootstrap.cli.screens import transfer
from bootstrap.model.events import Transferred


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(done: int, image: str = "r.example/a:1") -> Transferred:
    return Transferred(image, "mirror.example", done, 55_000_000)


def test_elsewhere_each_image_has_its_line_and_one_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 1.0, 9.0, 11.0, 12.0, 12.5, 13.0])
    monkeypatch.setattr(transfer.time, "monotonic", lambda: next(now))
    screen = transfer.TransferScreen()
    for count in (0, 5_000_000, 6_000_000, 12_340_000):
        screen(event(count))
    screen(event(0, "r.example/b:1"))
    screen(event(13_000_000))
    screen(event(1_000_000, "r.example/b:1"))
    screen.clear()

    assert capsys.readouterr().err.splitlines() == [
        "   r.example/a:1  0.0 of 55.0 MB from mirror.example",
        "   r.example/a:1  12.3 of 55.0 MB from mirror.example, 1.1 MB/s",
        "   r.example/b:1  0.0 of 55.0 MB from mirror.example",
    ]


def test_on_a_terminal_one_line_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    now = iter([0.0, 0.05, 0.2])
    monkeypatch.setattr(transfer.time, "monotonic", lambda: next(now))
    screen = transfer.TransferScreen()
    for count in (0, 1, 2_000_000):
        screen(event(count))
    screen.clear()

    shown = terminal.getvalue().split("\r\033[K")
    assert shown == ["", *(f"   r.example/a:1  {n} of 55.0 MB from mirror.example" for n in ("0.0", "2.0")), ""]
