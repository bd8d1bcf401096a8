"""One cluster's entries in the kubeconfigs that somebody uses: put in and taken out again, all else left as it is.

Ours carry an extension, kubectl's own place for such notes: what has our name without it is somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bootstrap.formats.kubeconfig import Current
from bootstrap.formats.yaml_edit import with_item, with_word, without_item
from bootstrap.formats.yaml_reader import Rules, UnreadableError, parse_one

_RULES = Rules("a kubeconfig", 16 * 1024 * 1024, 1_000_000, nulls=True, repeats=True)
_LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_CURRENT = "current-context"
_MARK = "bootstrap"
"""Name of the extension; the context's says which one was the current context before."""
_NEW = "apiVersion: v1\nkind: Config\n"
_BYTE_ORDER_MARK = "\ufeff"


class ForeignError(ValueError):
    """The name is taken by what is not ours."""


@dataclass(frozen=True)
class File:
    """A kubeconfig that was read; `text` is empty for one that does not exist."""

    path: str
    text: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        return self.document.get(kind) or []

    @property
    def current(self) -> str:
        return self.document.get(_CURRENT) or ""


def read_file(path: str, content: bytes | None) -> File:
    """None for one that does not exist. ValueError for what kubectl could not use, or what is no UTF-8."""
    if content is None:
        return File(path)
    try:
        document = parse_one(content, _RULES)
        text = content.decode()
    except UnreadableError as e:
        raise ValueError(str(e)) from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    document = {} if document is None else document
    if not isinstance(document, dict) or not isinstance(document.get(_CURRENT) or "", str):
        raise ValueError("it is no kubeconfig")
    for kind, entry in _LISTS.items():
        found = document.get(kind) or []
        if not isinstance(found, list) or not all(map(partial(_is_entry, entry), found)):
            raise ValueError(f"it is no kubeconfig: {kind} is no list of such")
    return File(path, text, document)


def merged(files: Sequence[File], target: str, name: str, cluster: Current) -> dict[str, bytes]:
    """Path → content of the files that change: cluster, user and context are `name`, which is the current one then.

    `files` are in the order in which kubectl reads them; `target`, one of them, is where new entries go. Raises
    ForeignError when one of them has that name without being ours, ValueError when a file cannot be changed as text.
    """
    for file in files:
        for kind, entry in _LISTS.items():
            if any(e["name"] == name and _mark(e.get(entry)) is None for e in file.entries(kind)):
                raise ForeignError(f"{entry} {name} in {file.path} is somebody else's")
    current = _current(files)
    before = _before(files, name) if current == name else current
    items = {
        "clusters": {"name": name, "cluster": _marked(cluster.cluster, {})},
        "contexts": {"name": name, "context": _marked({"cluster": name, "user": name}, {"before": before})},
        "users": {"name": name, "user": _marked(cluster.user, {})},
    }
    place = next((file.path for file in files if _holds(file, name)), target)
    changed = [_without(file, name) for file in files]
    for kind, item in items.items():
        changed = [_with(file, kind, item) if file.path == place else file for file in changed]
    decides = next((file.path for file in files if file.current), place)
    return _changes(files, [_pointing(file, name) if file.path == decides else file for file in changed])


def taken_out(files: Sequence[File], name: str) -> dict[str, bytes]:
    """Path → content of the files that change; the context that was the current one before is it again, or none is."""
    left = [_without(file, name) for file in files]
    if _current(files) == name and any(_holds(file, name) for file in files):
        before = _before(files, name)
        there = any(entry["name"] == before for file in left for entry in file.entries("contexts"))
        left = [_pointing(file, before if there else "") if file.current == name else file for file in left]
    return _changes(files, left)


def _is_entry(what: str, entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(what) or {}, dict)


def _mark(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What we noted in a cluster, context or user; None for those of others."""
    extensions = (value or {}).get("extensions") or []
    found = [e.get("extension") or {} for e in extensions if isinstance(e, dict) and e.get("name") == _MARK]
    return found[0] if found else None


def _marked(value: Mapping[str, Any], note: Mapping[str, str]) -> dict[str, Any]:
    return {**value, "extensions": [{"name": _MARK, "extension": dict(note)}]}


def _holds(file: File, name: str) -> bool:
    return any(e["name"] == name and _mark(e.get("context")) is not None for e in file.entries("contexts"))


def _current(files: Sequence[File]) -> str:
    """As for kubectl, the first one counts."""
    return next((file.current for file in files if file.current), "")


def _before(files: Sequence[File], name: str) -> str:
    notes = [_mark(e.get("context")) for file in files for e in file.entries("contexts") if e["name"] == name]
    return next((str(note.get("before") or "") for note in notes if note is not None), "")


def _with(file: File, kind: str, item: dict[str, Any]) -> File:
    document = {**file.document, kind: [*file.entries(kind), item]}
    return _edited(file, document, lambda text: with_item(text, kind, item))


def _without(file: File, name: str) -> File:
    for kind, entry in _LISTS.items():
        for position in reversed(range(len(file.entries(kind)))):
            found = file.entries(kind)
            if found[position]["name"] == name and _mark(found[position].get(entry)) is not None:
                left = [*found[:position], *found[position + 1 :]]
                file = _edited(file, {**file.document, kind: left}, partial(_drop, kind, position))
    return file


def _drop(kind: str, position: int, text: str) -> str:
    return without_item(text, kind, position)


def _pointing(file: File, name: str) -> File:
    return _edited(file, {**file.document, _CURRENT: name}, lambda text: with_word(text, _CURRENT, name))


def _edited(file: File, document: dict[str, Any], edit: Callable[[str], str]) -> File:
    """What was written is read again, and has to mean what it was to mean."""
    body = file.text.removeprefix(_BYTE_ORDER_MARK)
    front = file.text[: len(file.text) - len(body)]
    try:
        text = front + edit(body or _NEW)
        result = read_file(file.path, text.encode())
    except (ValueError, LookupError) as e:
        raise ValueError(_UNUSUAL) from e
    if not file.text:
        document = {"apiVersion": "v1", "kind": "Config", **document}
    if _meaning(result.document) != _meaning(document):
        raise ValueError(_UNUSUAL)
    return result


_UNUSUAL = "its YAML is put in a way in which nothing can be added without touching the rest"


def _meaning(document: Mapping[str, Any]) -> dict[str, Any]:
    """No list, an empty one and null are the same."""
    return {key: value for key, value in document.items() if value or key not in _LISTS}


def _changes(before: Sequence[File], after: Sequence[File]) -> dict[str, bytes]:
    return {new.path: new.text.encode() for old, new in zip(before, after, strict=True) if new.text != old.text}
