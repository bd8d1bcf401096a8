"""YAML text to plain values: bounded, and read as Kubernetes reads it; the one reader of the program.

The parser is libyaml, which Go's is a translation of: what one takes, the other does. Values are made of its events
one by one, so that no depth of brackets reaches a stack.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from bootstrap.formats.encoding import EncodingError, decoded
from bootstrap.formats.yaml_scalars import plain
from bootstrap.formats.yaml_words import TEMPLATE, cannot_begin, place, problem
from bootstrap.model.errors import Problem

LEVELS = 200
"""Of lists and mappings inside each other; definitions of kinds have some 40."""


@dataclass(frozen=True)
class Rules:
    """`values` are counted after aliases are followed: small files can name very large values.

    With `nulls` a key without a value stays (a patch removes with it); else it is the same as no key.
    With `repeats` the last of several equal keys counts, as for kubectl; else they are an error, as for kubeadm.
    """

    what: str
    bytes: int
    values: int
    nulls: bool = False
    repeats: bool = False


CONFIGURATION = Rules("a configuration", 256 * 1024, 20_000)
MANIFEST = Rules("a manifest", 16 * 1024 * 1024, 1_000_000, repeats=True)
"""Definitions of custom resources are long: upstream's largest manifests have some megabytes."""
PATCH = Rules("a patch", 256 * 1024, 20_000, nulls=True)
WRITTEN = Rules("a file", 1024 * 1024, 100_000, nulls=True, repeats=True)
"""What this program, kubeadm or the kubelet wrote."""

_TYPED_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null")}
_STRING_TAGS = {"!", "tag:yaml.org,2002:str"}


class UnreadableError(ValueError):
    """The text is not YAML that is accepted; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Reading:
    """The documents of a stream, without those that are nothing but comments; `repeated` are keys given twice."""

    documents: tuple[Any, ...]
    repeated: tuple[Problem, ...]


def parse(text: bytes | str, rules: Rules = CONFIGURATION) -> list[Any]:
    """The documents as plain values. Raises UnreadableError."""
    return list(read(text, rules).documents)


def parse_one(text: bytes | str, rules: Rules = WRITTEN) -> Any:
    """The first document; None where there is none. Raises UnreadableError."""
    documents = read(text, rules).documents
    return documents[0] if documents else None


def read(text: bytes | str, rules: Rules) -> Reading:
    """Raises UnreadableError."""
    if len(text) > rules.bytes:
        raise UnreadableError(Problem("", f"{len(text)} bytes: {rules.what} has at most {rules.bytes}"))
    try:
        words = text if isinstance(text, str) else decoded(text)
    except EncodingError as error:
        raise UnreadableError(Problem("", str(error))) from None
    builder = _Builder(rules)
    try:
        for event in _events(words):
            builder.take(event)
    except yaml.reader.ReaderError as error:
        raise UnreadableError(Problem("", f"not YAML: {error.reason} at offset {error.position}")) from None
    except yaml.MarkedYAMLError as error:
        raise UnreadableError(problem(error, words)) from None
    return Reading(tuple(builder.documents), tuple(builder.repeated))


def _events(text: str) -> Iterator[yaml.Event]:
    loader = yaml.CSafeLoader(text)
    try:
        while event := loader.get_event():
            yield event
    finally:
        loader.dispose()


@dataclass
class _Open:
    """A list or mapping whose end has not come yet; `before` is the count of values at its begin."""

    value: Any
    anchor: str | None
    before: int
    key: str | None = None
    merges: bool = False
    places: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Anchored:
    """What an alias stands for; `key` is None where it cannot be a key."""

    value: Any
    count: int
    key: str | None


class _Builder:
    """Makes values of events, and counts them."""

    def __init__(self, rules: Rules) -> None:
        self.documents: list[Any] = []
        self.repeated: list[Problem] = []
        self._rules, self._count = rules, 0
        self._open: list[_Open] = []
        self._anchored: dict[str, _Anchored] = {}

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._end(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchored = {}

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value = _value(event)
        self._counted(1, event)
        if event.anchor:
            self._anchored[event.anchor] = _Anchored(value, 1, _key(event, value))
        if self._wants_key():
            self._set_key(_key(event, value), event, merges=event.value == "<<" and not event.style)
        elif self._open or value is not None or event.style or event.value:
            self._put(value)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if any(frame.anchor == event.anchor for frame in self._open):
            raise _refused(event, "an alias inside its own anchor")
        found = self._anchored.get(event.anchor or "")
        if found is None:
            raise _refused(event, f"not YAML: {cannot_begin('*')}")
        self._counted(found.count, event)
        if not self._wants_key():
            self._put(copy.deepcopy(found.value))
        elif found.key is None:
            raise _refused(event, "a key must be a plain word")
        else:
            self._set_key(found.key, event)

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        if self._wants_key():
            raise _refused(event, f"a key must be a plain word{TEMPLATE if event.flow_style else ''}")
        if len(self._open) >= LEVELS:
            raise _refused(event, f"more than {LEVELS} lists and mappings inside each other")
        self._counted(1, event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(value, event.anchor, self._count - 1))

    def _end(self, event: yaml.Event) -> None:
        frame = self._open.pop()
        if frame.anchor:
            self._anchored[frame.anchor] = _Anchored(frame.value, self._count - frame.before, None)
        self._put(frame.value)

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _set_key(self, key: str, event: yaml.Event, *, merges: bool = False) -> None:
        frame = self._open[-1]
        frame.key, frame.merges = key, merges
        if merges:
            return
        here = place(event.start_mark)
        if first := frame.places.get(key):
            self._repeat(Problem(here, f'"{key}" is given twice; first in {first}'))
        frame.places[key] = here

    def _repeat(self, found: Problem) -> None:
        if not self._rules.repeats:
            raise UnreadableError(found)
        self.repeated.append(found)

    def _put(self, value: Any) -> None:
        if not self._open:
            self.documents.append(value)
            return
        frame = self._open[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
            return
        key, frame.key = frame.key, None
        assert key is not None
        if frame.merges and isinstance(value, dict):
            frame.value.update(value)
        elif frame.merges and isinstance(value, list) and all(isinstance(item, dict) for item in value):
            for item in reversed(value):
                frame.value.update(item)
        elif value is None and not self._rules.nulls:
            frame.value.pop(key, None)
        else:
            frame.value[key] = value

    def _counted(self, more: int, event: yaml.Event) -> None:
        self._count += more
        if self._count > self._rules.values:
            raise _refused(event, f"more than {self._rules.values} values")


def _key(event: yaml.ScalarEvent, value: Any) -> str:
    """Keys become strings as in JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else str(event.value)


def _value(event: yaml.ScalarEvent) -> Any:
    tag, text = event.tag, str(event.value)
    if tag in _STRING_TAGS or (tag is None and event.style):
        return text
    if tag is None or tag in _TYPED_TAGS:
        return plain(text)
    raise _refused(event, f"the tag {tag} is not known here; if it is text, put the value in quotes")


def _refused(event: yaml.Event, why: str) -> UnreadableError:
    return UnreadableError(Problem(place(event.start_mark), why))
