"""A plan put together from the steps of several builders, each of which says which steps may be its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.model.plan import Step, nearest

FAMILY = "/*"


@dataclass(frozen=True)
class Part:
    """The steps of one builder; `owns` are all ids that it emits in some configuration, `certs/*` all of a kind."""

    owns: tuple[str, ...]
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        families = tuple(name.removesuffix("*") for name in self.owns if name.endswith(FAMILY))
        for step in self.steps:
            if step.id not in self.owns and not (families and step.id.startswith(families)):
                raise ValueError(f"its builder does not own step {nearest(step.id, self.owns)}")


def joined(parts: Iterable[Part]) -> tuple[Step, ...]:
    """All steps. What is owned and was left out may be in `after`; a name that nobody owns is a ValueError."""
    found = tuple(parts)
    steps = tuple(step for part in found for step in part.steps)
    known = {step.id for step in steps} | {name for part in found for name in part.owns}
    for step in steps:
        for name in step.after:
            if name not in known:
                raise ValueError(f"step {step.id} comes after {nearest(name, known)}, which no builder owns")
    return steps
