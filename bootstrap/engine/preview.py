"""Dry run: what a plan would change, found with the read half of the host port, so it cannot write."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.engine.effects import Objects, describe, diff
from bootstrap.engine.effects.registry import UNCHANGED
from bootstrap.host.port import HostReader
from bootstrap.model.plan import Plan


@dataclass(frozen=True)
class PreviewedEffect:
    """`what` is one line; `diff` the lines that would differ, as `diff -u` marks them."""

    what: str
    diff: tuple[str, ...]

    @property
    def is_change(self) -> bool:
        return not self.what.endswith(f": {UNCHANGED}")


@dataclass(frozen=True)
class PreviewedStep:
    """`waits` are titles of conditions."""

    id: str
    group: str
    after: tuple[str, ...]
    effects: tuple[PreviewedEffect, ...]
    waits: tuple[str, ...]


def no_objects(path: str) -> None:
    """Where there is no API server, every object is new."""


def preview(plan: Plan, host: HostReader, objects: Objects = no_objects) -> tuple[PreviewedStep, ...]:
    return tuple(
        PreviewedStep(
            step.id,
            step.group,
            step.after,
            tuple(PreviewedEffect(describe(e, host), diff(e, host, objects)) for e in step.effects),
            tuple(condition.title for condition in step.waits),
        )
        for step in plan.steps
    )
