"""Dry run: what a plan would change, found with the read half of the host port, so it cannot write."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.engine.describe import describe
from bootstrap.host.port import HostReader
from bootstrap.model.plan import Plan


@dataclass(frozen=True)
class PreviewedStep:
    """`effects` are lines of text; `waits` titles of conditions."""

    id: str
    group: str
    after: tuple[str, ...]
    effects: tuple[str, ...]
    waits: tuple[str, ...]


def preview(plan: Plan, host: HostReader) -> tuple[PreviewedStep, ...]:
    return tuple(
        PreviewedStep(
            step.id,
            step.group,
            step.after,
            tuple(describe(effect, host) for effect in step.effects),
            tuple(condition.title for condition in step.waits),
        )
        for step in plan.steps
    )
