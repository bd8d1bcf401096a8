"""Images of a bundle as an effect."""

from __future__ import annotations

import threading

import pytest

from bootstrap.engine.effects import apply_effect, describe
from bootstrap.engine.run_context import RunOver
from bootstrap.model.effects import ImagesLoaded
from bootstrap.model.errors import BootstrapError, Exit
from tests.unit.engine.fakes import MemoryHost, context

EFFECT = ImagesLoaded(("a", "b"))


def test_it_says_what_came_and_nothing_when_all_was_there() -> None:
    asked: list[tuple[str, ...]] = []

    def load(names: tuple[str, ...], over: threading.Event) -> tuple[str, ...]:
        asked.append(names)
        return names if len(asked) == 1 else ()

    subject = context()
    subject.load_images = load

    assert apply_effect(EFFECT, subject, 1) == "2 images loaded"
    assert apply_effect(EFFECT, subject, 1) == ""
    assert asked == [("a", "b"), ("a", "b")]


def test_a_plan_with_images_and_no_bundle_is_a_bug() -> None:
    with pytest.raises(TypeError):
        apply_effect(EFFECT, context(), 1)


def test_a_load_that_the_end_of_the_run_breaks_off_is_no_failure_of_its_own() -> None:
    subject = context()

    def load(names: tuple[str, ...], over: threading.Event) -> tuple[str, ...]:
        subject.over.set()  # another step has failed meanwhile
        assert over.is_set()
        raise BootstrapError("broken off", code=Exit.INTERRUPTED)

    subject.load_images = load
    with pytest.raises(RunOver):
        apply_effect(EFFECT, subject, 1)


def test_a_dry_run_names_them() -> None:
    assert "a, b" in describe(EFFECT, MemoryHost())
