"""An API server in memory, with what server-side apply does about the owners of fields.

As the real one: two managers may own a field that both give the same value; another value is a conflict (409), or with
`force` takes the field away; what a manager applied before and does not now is removed, unless somebody else owns it.
Lists whose entries have names are merged by them, all others are one value.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.host.kube_client import object_path
from bootstrap.host.port import ApiResponse
from bootstrap.model import names

Path = tuple[str, ...]
"""Elements as `fieldsV1` has them: `f:key` of an object, `k:{"name":…}` of a list."""
Owners = Mapping[tuple[str, str], set[Path]]
_SERVERS = {("f:apiVersion",), ("f:kind",)}
_IDENTITY = {"name", "namespace", "uid", "resourceVersion", "managedFields", "creationTimestamp", "generation"}


class MemoryApi:
    """Objects by path; `before` answers are given first, in order, to whatever is asked."""

    def __init__(self, *before: ApiResponse | Exception) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.before = list(before)
        self._version = 0

    def get(self, path: str) -> ApiResponse:
        found = self.objects.get(path)
        return self._interrupted() or (ApiResponse(200, found) if found else ApiResponse(404, {}))

    def create(self, body: Mapping[str, Any], path: str = "", *, manager: str = names.FIELD_MANAGER) -> ApiResponse:
        if answer := self._interrupted():
            return answer
        if object_path(body) in self.objects:
            return ApiResponse(409, {"message": "exists"})
        return ApiResponse(201, self._stored(object_path(body), body, {(manager, "Update"): _fields(body)}))

    def apply(
        self, body: Mapping[str, Any], path: str = "", *, force: bool = True, manager: str = names.FIELD_MANAGER
    ) -> ApiResponse:
        if answer := self._interrupted():
            return answer
        path = path or object_path(body)
        there, wanted = self.objects.get(path, {}), _fields(body)
        owners = owned(there)
        mine = (manager, "Apply")
        taken = {
            (field, other[0])
            for other, fields in owners.items()
            for field in fields & wanted
            if other != mine and _value(there, field) != _value(body, field)
        }
        if taken and not force:
            return _conflict(body, taken)
        lost = {field for field, _ in taken}
        others = {other: fields - lost for other, fields in owners.items() if other != mine}
        kept = set().union(*others.values()) if others else set()
        merged = copy.deepcopy(there)
        for field in sorted(owners.get(mine, set()) - wanted - kept, key=len, reverse=True):
            _drop(merged, field)
        for field in sorted(wanted, key=len):
            _put(merged, field, _value(body, field))
        merged |= {key: body[key] for key in ("apiVersion", "kind") if key in body}
        merged["metadata"] = {**body["metadata"], **merged.get("metadata", {})}
        return ApiResponse(200, self._stored(path, merged, {**others, mine: wanted}))

    def delete(self, path: str) -> ApiResponse:
        if answer := self._interrupted():
            return answer
        return ApiResponse(200 if self.objects.pop(path, None) else 404, {})

    def merge(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        """A subresource is a part of its object here."""
        path = object_path(body)
        if path not in self.objects:
            return self._interrupted() or ApiResponse(404, {})
        version = body["metadata"].get("resourceVersion")
        if version not in (None, self.objects[path]["metadata"]["resourceVersion"]):
            return ApiResponse(409, {"message": "the object has been modified"})
        if answer := self._interrupted():
            return answer
        self.edit(path, body, manager=names.FIELD_MANAGER)
        return ApiResponse(200, self.objects[path])

    def edit(self, path: str, changes: Mapping[str, Any], *, manager: str = "kubectl-edit") -> None:
        """Somebody else changes fields of an object: a merge patch, as `kubectl edit` and controllers send it."""
        there = copy.deepcopy(self.objects[path])
        fields = _fields(changes)
        for field in fields:
            _put(there, field, _value(changes, field))
        changed = {field for field in fields if _value(self.objects[path], field) != _value(there, field)}
        owners = {other: old - changed for other, old in owned(self.objects[path]).items()}
        mine = (manager, "Update")
        self._stored(path, there, {**owners, mine: owners.get(mine, set()) | changed})

    def _interrupted(self) -> ApiResponse | None:
        if not self.before:
            return None
        answer = self.before.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _stored(
        self, path: str, body: Mapping[str, Any], owners: Mapping[tuple[str, str], set[Path]]
    ) -> dict[str, Any]:
        """The object as it is now; nothing is written, and its version stays, where nothing changes."""
        there = self.objects.get(path)
        given = there["metadata"] if there else {"uid": f"uid-{self._version + 1}", "resourceVersion": ""}
        metadata = {**body["metadata"], "uid": given["uid"], "resourceVersion": given["resourceVersion"]}
        managed = [
            {"manager": name, "operation": how, "apiVersion": body["apiVersion"], "fieldsType": "FieldsV1"}
            | {"fieldsV1": _tree(fields)}
            for (name, how), fields in owners.items()
            if fields
        ]
        stored = {**body, "metadata": {**metadata, "managedFields": managed}}
        if there != stored:
            self._version += 1
            stored["metadata"]["resourceVersion"] = str(self._version)
            self.objects[path] = stored
        return self.objects[path]


def owned(body: Mapping[str, Any]) -> dict[tuple[str, str], set[Path]]:
    """Manager and operation → the fields that it owns."""
    managed = body.get("metadata", {}).get("managedFields", ())
    return {(entry["manager"], entry["operation"]): set(_paths(entry["fieldsV1"])) for entry in managed}


def owners_of(body: Mapping[str, Any], *field: str) -> set[str]:
    """Managers of a field: `owners_of(body, "data", "Corefile")`."""
    path = tuple(f"f:{key}" for key in field)
    return {manager for (manager, _), fields in owned(body).items() if path in fields}


def _conflict(body: Mapping[str, Any], taken: set[tuple[Path, str]]) -> ApiResponse:
    """The Status that a real API server answers with."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using {body["apiVersion"]}',
            "field": "".join(_shown(element) for element in field),
        }
        for field, manager in sorted(taken)
    ]
    plural = "conflict" if len(causes) == 1 else "conflicts"
    message = f"Apply failed with {len(causes)} {plural}: {causes[0]['message']}: {causes[0]['field']}"
    status = {"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409}
    return ApiResponse(409, {**status, "message": message, "details": {"causes": causes}}, message)


def _shown(element: str) -> str:
    kind, _, text = element.partition(":")
    return f".{text}" if kind == "f" else f"[name={json.dumps(json.loads(text)['name'])}]"


def _fields(body: Mapping[str, Any]) -> set[Path]:
    """Every field that a body speaks about, but for what says which object it is."""
    return {path for path in _leaves(body, ()) if path not in _SERVERS and not _is_identity(path)}


def _is_identity(path: Path) -> bool:
    return path[0] == "f:metadata" and len(path) > 1 and path[1].removeprefix("f:") in _IDENTITY


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, f"f:{key}"))
    elif _is_keyed(value):
        for entry in value:
            here = (*path, _key(entry["name"]))
            yield here
            yield from _leaves(entry, here)
    elif path:
        yield path


def _is_keyed(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(e, Mapping) and "name" in e for e in value)
    )


def _key(name: str) -> str:
    return "k:" + json.dumps({"name": name})


def _value(body: Any, path: Path) -> Any:
    """What is at a path; None when there is nothing. Of a list's entry as such only that it is there."""
    for element in path:
        body = _step(body, element)
    return ... if path and path[-1].startswith("k:") and body is not None else body


def _step(body: Any, element: str) -> Any:
    kind, _, text = element.partition(":")
    if kind == "f":
        return body.get(text) if isinstance(body, Mapping) else None
    wanted = json.loads(text)["name"]
    return next((e for e in body or () if e.get("name") == wanted), None) if isinstance(body, list | tuple) else None


def _put(body: dict[str, Any], path: Path, value: Any) -> None:
    here: Any = body
    for element, following in zip(path, (*path[1:], ""), strict=True):
        inner = _step(here, element)
        last = not following and value is not ...
        if inner is None or last or not isinstance(inner, dict | list):
            inner = value if last else [] if following.startswith("k:") else {}
            if element.startswith("f:"):
                here[element[2:]] = copy.deepcopy(inner)
            else:
                here.append({"name": json.loads(element[2:])["name"]})
            inner = _step(here, element)
        here = inner


def _drop(body: dict[str, Any], path: Path) -> None:
    """A field goes, and what is empty without it."""
    for depth in range(len(path), 0, -1):
        parent: Any = body
        for element in path[: depth - 1]:
            parent = _step(parent, element)
        inner = _step(parent, path[depth - 1])
        if depth < len(path) and inner not in ({}, []):
            return
        if isinstance(parent, list):
            parent[:] = [entry for entry in parent if entry is not inner]
        elif isinstance(parent, dict):
            parent.pop(path[depth - 1][2:], None)


def _tree(fields: set[Path]) -> dict[str, Any]:
    """As `fieldsV1`."""
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        here = tree
        for element in path:
            here = here.setdefault(element, {})
        if path[-1].startswith("k:"):
            here["."] = {}
    return tree


def _paths(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for element, inner in tree.items():
        if element == ".":
            yield path
        elif inner:
            yield from _paths(inner, (*path, element))
        else:
            yield (*path, element)
