"""Whole rendered clusters against the committed ones. Needs nothing.

After a wanted change: `python -m tests.golden.rewrite`, and review the diff.
"""

from __future__ import annotations

import difflib

import pytest

from tests.golden.rendered import EXPECTED, names, text


@pytest.mark.parametrize("name", names())
def test_rendered_as_committed(name: str) -> None:
    expected, actual = (EXPECTED / f"{name}.txt").read_text(), text(name)
    lines = expected.splitlines(), actual.splitlines()
    diff = list(difflib.unified_diff(*lines, "expected", "rendered", lineterm="", n=2))
    assert not diff, "\n".join(diff) + "\nif this is wanted: python -m tests.golden.rewrite"


def test_every_expected_file_has_its_cluster() -> None:
    assert sorted(p.stem for p in EXPECTED.glob("*.txt")) == names()
