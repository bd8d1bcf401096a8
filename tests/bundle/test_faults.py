"""Needs nothing: damaged and hostile bundles, given to the real command line.

`load` is given a containerd that does not exist: whatever goes past verification ends with exit code 5, not 9.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.corpus import Case, Good, cases

CASES = list(cases())
MEMORY = 300_000_000
SECONDS = 10
NOWHERE = "/nonexistent/containerd.sock"


def test_the_corpus_is_large_and_its_names_differ() -> None:
    assert len({name for name, _ in CASES}) == len(CASES) >= 40


def test_a_good_bundle_passes(run: Callable[..., Any], good: Good, public: Path) -> None:
    done = run("bundle", "verify", good.path, "--trusted-key", public)

    assert done.code == 0, done.errors
    assert "2 images" in done.output


def test_a_good_bundle_reaches_containerd(run: Callable[..., Any], good: Good, public: Path) -> None:
    done = run("bundle", "load", good.path, "--trusted-key", public, "--socket", NOWHERE)

    assert done.code == 5, done.errors


@pytest.mark.parametrize("case", CASES, ids=[name for name, _ in CASES])
def test_a_wrong_bundle_is_refused(
    case: Case, run: Callable[..., Any], good: Good, public: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.bundle"
    path.write_bytes(case[1](good))
    done = run("bundle", "load", path, "--trusted-key", public, "--socket", NOWHERE)

    lines = done.errors.splitlines()
    assert done.code == 9, f"exit {done.code}\n{done.errors}"
    assert lines[0].startswith(f" ✗ {path} is refused: ")
    assert lines[1].startswith("   next   ")
    assert len(lines) == 2
    assert done.output == ""
    assert done.memory < MEMORY
    assert done.seconds < SECONDS
    assert [p.name for p in tmp_path.iterdir()] == ["wrong.bundle"]


@pytest.mark.parametrize("case", ["signature-text", "signature-list", "size-of-the-first-2d303030", "cut-nothing"])
def test_a_wrong_head_is_refused_by_inspect(case: str, run: Callable[..., Any], good: Good, tmp_path: Path) -> None:
    path = tmp_path / "wrong.bundle"
    path.write_bytes(dict(CASES)[case](good))
    done = run("bundle", "inspect", path)

    assert done.code == 9, done.errors
    assert len(done.errors.splitlines()) == 2


def test_unsigned_is_taken_only_when_said(run: Callable[..., Any], good: Good, tmp_path: Path) -> None:
    path = tmp_path / "unsigned.bundle"
    path.write_bytes(dict(CASES)["unsigned"](good))

    assert run("bundle", "verify", path).code == 9
    assert run("bundle", "verify", path, "--insecure-unsigned").code == 0


def test_without_a_trusted_key_a_signature_is_worth_nothing(run: Callable[..., Any], good: Good) -> None:
    done = run("bundle", "verify", good.path)

    assert done.code == 9
    assert "--trusted-key" in done.errors
