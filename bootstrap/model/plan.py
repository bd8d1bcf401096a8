"""The plan: a DAG of steps. A phase is a filter over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from bootstrap.model.conditions import Condition
from bootstrap.model.effects import Effect

PREFLIGHT = "preflight"
"""kubeadm's phase that is no step of a plan: the checks before there is one."""


@dataclass(frozen=True)
class Step:
    """One unit of work: effects in order, then waits, each up to `timeout` seconds.

    `id` is stable and equal to kubeadm's phase name where kubeadm has one (`certs/ca`); `group` is the line of the
    progress screen that it belongs to; `after` holds ids of steps that must be done before it starts.
    """

    id: str
    group: str
    effects: tuple[Effect, ...] = ()
    waits: tuple[Condition, ...] = ()
    after: tuple[str, ...] = ()
    timeout: float = 240
    instead: str = ""
    """What to do where it fails and is not needed."""


@dataclass(frozen=True)
class Plan:
    """`remarks` are what the user should know before it runs."""

    steps: tuple[Step, ...]
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ids = [s.id for s in self.steps]
        known = set(ids)
        if len(ids) != len(known):
            raise ValueError("two steps have the same id")
        for s in self.steps:
            if missing := set(s.after) - known:
                raise ValueError(
                    f"step {s.id} comes after unknown steps: {'; '.join(nearest(n, known) for n in missing)}"
                )


def nearest(name: str, known: Iterable[str]) -> str:
    """`name`, and the known name that was probably meant."""
    return name + "".join(f" ({match}?)" for match in get_close_matches(name, list(known), n=1))
