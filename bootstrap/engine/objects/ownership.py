"""Whose the fields of an object are: what an apply without force is refused for, and what is left of it without that.

A field is a path of elements: a key of a mapping, or of a list the entry with certain values (`containers[name="x"]`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.host.port import ApiResponse
from bootstrap.model import names

Element = str | tuple[tuple[str, Any], ...]
"""A key, or what an entry of a list has; `("", value)` is an entry that is a value itself."""
Path = tuple[Element, ...]
_CAUSE = "FieldManagerConflict"
_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')
_PAIR = re.compile(r'([^=,\[\]]*)=("(?:[^"\\]|\\.)*"|[^,\]]+)')
_ENTRY = re.compile(r'\[((?:[^"\]]|"(?:[^"\\]|\\.)*")*)\]')


@dataclass(frozen=True)
class Taken:
    """A field of ours that `manager` has given another value; `field` is as the API server writes it."""

    field: str
    manager: str


def taken(answer: ApiResponse) -> tuple[Taken, ...]:
    """Why an apply without force was refused; nothing where it was not, or for another reason."""
    causes = (answer.body.get("details") or {}).get("causes") or () if answer.status == 409 else ()
    return tuple(
        Taken(cause["field"], found[1] if (found := _MANAGER.search(cause.get("message", ""))) else "somebody else")
        for cause in causes
        if cause.get("reason") == _CAUSE
    )


def fields_of_others(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> tuple[Path, ...]:
    """Fields that `wanted` gives another value than they have now, and that are somebody else's alone."""
    managed = (present.get("metadata") or {}).get("managedFields") or ()
    mine = {path for entry in managed if _is_ours(entry) for path in _paths(entry.get("fieldsV1") or {})}
    others = {path for entry in managed if not _is_ours(entry) for path in _paths(entry.get("fieldsV1") or {})}
    return tuple(
        path
        for path in others - mine
        if (value := value_at(wanted, path)) is not None and value != value_at(present, path)
    )


def owned_by_us(present: Mapping[str, Any]) -> bool:
    """Whether something in the object was applied by us."""
    return any(_is_ours(entry) for entry in (present.get("metadata") or {}).get("managedFields") or ())


def parsed(field: str, body: Mapping[str, Any]) -> Path:
    """The path of a field as the API server writes it; a key with dots in it is known by `body`, which has it."""
    path: list[Element] = []
    here: Any = body
    while field:
        if entry := _ENTRY.match(field):
            element: Element = tuple((key, json.loads(value)) for key, value in _PAIR.findall(entry[1]))
            field = field[entry.end() :]
        else:
            field = field.removeprefix(".")
            element = _key(field, here)
            field = field[len(element) :]
        path.append(element)
        here = _inside(here, element)
    return tuple(path)


def value_at(body: Any, path: Path) -> Any:
    """None where there is nothing."""
    for element in path:
        body = _inside(body, element)
    return body


def without(body: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """A copy that does not speak about these fields, nor about what is empty without them."""
    result: Any = dict(body)
    for path in paths:
        result = _less(result, path)
    return dict(result)


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply"


def _key(text: str, here: Any) -> str:
    known = [key for key in here if _begins(text, key)] if isinstance(here, Mapping) else []
    return max(known, key=len) if known else re.split(r"[.\[]", text, maxsplit=1)[0] or text


def _begins(text: str, key: Any) -> bool:
    return isinstance(key, str) and text.startswith(key) and text[len(key) : len(key) + 1] in ("", ".", "[")


def _inside(value: Any, element: Element) -> Any:
    if isinstance(element, str):
        return value.get(element) if isinstance(value, Mapping) else None
    return next((item for item in value if _matches(item, element)), None) if isinstance(value, list | tuple) else None


def _matches(item: Any, element: Element) -> bool:
    """API servers fill in what a key of a list lacks (the protocol of a port): such an entry matches too."""
    if isinstance(item, Mapping):
        return not isinstance(element, str) and all(item.get(key, value) == value for key, value in element)
    return element == (("", item),)


def _less(value: Any, path: Path) -> Any:
    element, rest = path[0], path[1:]
    if _inside(value, element) is None:
        return value
    if isinstance(element, str):
        kept = {key: item for key, item in value.items() if key != element}
        inner = _less(value[element], rest) if rest else None
        return {**kept, element: inner} if inner else kept
    if rest:
        return [_less(item, rest) if _matches(item, element) else item for item in value]
    return [item for item in value if not _matches(item, element)]


def _paths(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The fields of a `fieldsV1`; its `.` is that the thing itself is there, which is no value."""
    for name, inner in tree.items():
        kind, _, text = name.partition(":")
        if kind not in ("f", "k", "v"):
            continue
        element: Element = text
        if kind == "k":
            element = tuple(json.loads(text).items())
        elif kind == "v":
            element = (("", json.loads(text)),)
        if any(key != "." for key in inner):
            yield from _paths(inner, (*path, element))
        else:
            yield (*path, element)
