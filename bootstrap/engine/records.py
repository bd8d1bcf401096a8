"""The kinds of things that the journal knows: how one is looked at, put back, and compared after a reset.

Each kind is registered by the module of `effects/` that changes things of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.host.port import Host, HostReader
from bootstrap.model.journal_entry import Entry
from bootstrap.model.reset_effects import Restored

State = Mapping[str, Any] | None


@dataclass
class Comparison:
    """`left` is ours and still there, or was altered and not restored; `others` changed without us."""

    left: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RecordKind:
    """`observe` gives the present state as `Entry.before` has it, None when there is no such thing.

    `undo` says what it changed, `describe` what it would change; `compare` adds what differs from the entry.
    """

    observe: Callable[[HostReader, str], State]
    undo: Callable[[Host, Restored], str]
    describe: Callable[[HostReader, Restored], str]
    compare: Callable[[HostReader, Entry, Comparison], None]


_KINDS: dict[str, RecordKind] = {}


def register_kind(name: str, kind: RecordKind) -> None:
    _KINDS[name] = kind


def known_kinds() -> frozenset[str]:
    return frozenset(_KINDS)


def observe(host: HostReader, kind: str, name: str) -> State:
    """Reads only; None when there is no such thing."""
    return _KINDS[kind].observe(host, name)


def undo(host: Host, effect: Restored) -> str:
    return _KINDS[effect.entry.kind].undo(host, effect)


def describe_undo(host: HostReader, effect: Restored) -> str:
    return _KINDS[effect.entry.kind].describe(host, effect)


def compare_entry(host: HostReader, entry: Entry, found: Comparison) -> None:
    _KINDS[entry.kind].compare(host, entry, found)


def is_as_before(host: HostReader, entry: Entry) -> bool:
    return observe(host, entry.kind, entry.name) == entry.before


def named(state: State) -> list[str]:
    """The names in the state of a kind that has `names`."""
    return list((state or {"names": ()})["names"])


def added(host: HostReader, entry: Entry) -> list[str]:
    """Names that were not there before us, ours and others'."""
    then = named(entry.before)
    return [name for name in named(observe(host, entry.kind, entry.name)) if name not in then]
