"""What the engine can do with an effect of each class; the modules beside this one register theirs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bootstrap.engine.records import is_as_before
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import HostReader
from bootstrap.model.effects import Effect
from bootstrap.model.reset_effects import Restored
from bootstrap.model.secrets import hidden_lines

E = TypeVar("E")
Lines = tuple[str, ...]
Objects = Callable[[str], Mapping[str, Any] | None]
"""REST path → the object that the API server has, None when there is none or no server."""
CONTEXT = 2
UNCHANGED = "unchanged"


def no_lines(effect: object, host: HostReader, objects: Objects) -> Lines:
    """The diff of what has no text."""
    return ()


@dataclass(frozen=True)
class _Handler:
    apply: Callable[[Any, RunContext, float], str]
    describe: Callable[[Any, HostReader], str]
    diff: Callable[[Any, HostReader, Objects], Lines]


_HANDLERS: dict[type, _Handler] = {}


def register(
    effect: type[E],
    *,
    apply: Callable[[E, RunContext, float], str],
    describe: Callable[[E, HostReader], str],
    diff: Callable[[E, HostReader, Objects], Lines] = no_lines,
) -> None:
    """`apply` compares first, notes in the journal what it will change, and says what it changed (empty: nothing)."""
    _HANDLERS[effect] = _Handler(apply, describe, diff)


def registered() -> frozenset[type]:
    return frozenset(_HANDLERS)


def apply_effect(effect: Effect, context: RunContext, timeout: float) -> str:
    """What changed; empty when it was so already."""
    return _HANDLERS[type(effect)].apply(effect, context, timeout)


def describe(effect: Effect, host: HostReader) -> str:
    """What an effect would change, as a line; reads only: `file /etc/… (0600, …): new`."""
    return _HANDLERS[type(effect)].describe(effect, host)


def diff(effect: Effect, host: HostReader, objects: Objects) -> Lines:
    """Lines of a unified diff without its header; empty when nothing differs, or when it is secret."""
    return _HANDLERS[type(effect)].diff(effect, host, objects)


def verdict(difference: str) -> str:
    """A difference (`missing`, `mode`, …; empty: none) as the end of a description."""
    return {"": UNCHANGED, "missing": "new", "stopped": "start"}.get(difference, f"change ({difference})")


def describe_restored(host: HostReader, effect: Restored) -> str:
    """For a kind that is put back and never removed: `sysctl NAME: unchanged`, `restore unit NAME`."""
    entry = effect.entry
    if is_as_before(host, entry):
        return f"{entry.kind} {entry.name}: {UNCHANGED}"
    return f"restore {entry.kind} {entry.name}"


def changed_lines(before: bytes, after: bytes) -> Lines:
    """Of two texts, the lines that differ with some around them, as `diff -u` marks them; without secrets."""
    old, new = (content.decode(errors="replace").splitlines() for content in (before, after))
    return tuple(map(hidden_lines, difflib.unified_diff(old, new, lineterm="", n=CONTEXT)))[2:]
