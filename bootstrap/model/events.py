"""What the engine reports while it runs; `step` ids are stable."""

from __future__ import annotations

from dataclasses import dataclass


class Unanswered(str):
    """What a change says that was made without asking somebody who should have been asked: shown as a warning."""


@dataclass(frozen=True)
class StepStarted:
    step: str
    group: str


@dataclass(frozen=True)
class StepWaiting:
    """A step waits for `condition`; `seen` is what the last poll found."""

    step: str
    group: str
    condition: str
    seen: str


@dataclass(frozen=True)
class StepDone:
    """`started` and `seconds` are relative to the start of the run; `changed` names what was different."""

    step: str
    group: str
    changed: tuple[str, ...]
    started: float
    seconds: float


@dataclass(frozen=True)
class StepFailed:
    step: str
    group: str
    what: str


@dataclass(frozen=True)
class Transferred:
    """Bytes of an image that have arrived from a host so far; documents included."""

    image: str
    host: str
    done: int
    total: int


@dataclass(frozen=True)
class FieldsKept:
    """Fields of an object of ours that somebody else (`managers`) has changed, and that stay so.

    They are `empty` where we only make room for what others fill in: these are never taken back.
    """

    name: str
    fields: tuple[str, ...]
    managers: tuple[str, ...]
    empty: bool


@dataclass(frozen=True)
class ObjectLeft:
    """An object of ours that was to go and stays, and for the sake of what."""

    name: str
    why: str


Event = StepStarted | StepWaiting | StepDone | StepFailed | Transferred | FieldsKept | ObjectLeft
