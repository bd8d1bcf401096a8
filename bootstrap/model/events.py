"""What is reported while a run goes on, by the engine and about the run itself; `step` ids are stable."""

from __future__ import annotations

from dataclasses import dataclass


class Unanswered(str):
    """What a change says that was made without asking somebody who should have been asked: shown as a warning."""


@dataclass(frozen=True)
class StepStarted:
    """A step began: all that it comes after are done."""

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
    """A step is done; `changed` names what was different before."""

    step: str
    group: str
    changed: tuple[str, ...]
    started: float
    seconds: float


@dataclass(frozen=True)
class StepFailed:
    """A step could not be done; no other one starts after it."""

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


@dataclass(frozen=True)
class RunStarted:
    """A command began its work; nothing is decided yet."""

    verb: str


@dataclass(frozen=True)
class Warned:
    """Something that the user should know, and that stops nothing."""

    what: str


@dataclass(frozen=True)
class RunPlanned:
    """What is going to be done: each step's id, group, and the steps that it comes after."""

    steps: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class RunDone:
    """The command has ended without an error; its exit code is another than 0 where it says what is wrong (`reset`)."""

    code: int
    total: float


@dataclass(frozen=True)
class RunFailed:
    """The command has ended with an exit code; the rest is what its error says."""

    code: int
    what: str
    why: str = ""
    fix: str = ""
    details: tuple[str, ...] = ()


Told = Event | RunStarted | Warned | RunPlanned | RunDone | RunFailed
"""What one can listen to from outside."""
