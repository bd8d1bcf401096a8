"""Rows of text in columns."""

from __future__ import annotations

from collections.abc import Sequence


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Every column as wide as its longest text; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
