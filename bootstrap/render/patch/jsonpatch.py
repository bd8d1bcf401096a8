"""RFC 6902 (JSON patch) and RFC 7386 (merge patch) on plain values; the input is never changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902: all operations in order; ValueError or LookupError when one does not fit."""
    if not isinstance(operations, list):
        raise ValueError("a JSON patch is a list of operations")
    root = {"": deepcopy(document)}
    for operation in operations:
        _operate(root, operation)
    return root[""]


def _operate(root: dict[str, Any], operation: dict[str, Any]) -> None:
    kind, path = operation["op"], operation["path"]
    match kind:
        case "add":
            _add(root, path, deepcopy(operation["value"]))
        case "remove":
            _remove(root, path)
        case "replace":
            _get(root, path)
            _set(root, path, deepcopy(operation["value"]))
        case "move":
            _add(root, path, _remove(root, operation["from"]))
        case "copy":
            _add(root, path, deepcopy(_get(root, operation["from"])))
        case "test":
            if _get(root, path) != operation["value"]:
                raise ValueError(f"test failed at {path}")
        case _:
            raise ValueError(f"unknown operation {kind!r}")


def _parent(root: dict[str, Any], path: str) -> tuple[Any, str]:
    """The container that `path` ends in, and the last step; the whole document hangs below the empty key."""
    if path and not path.startswith("/"):
        raise ValueError(f"{path!r} is not a JSON pointer")
    steps = [t.replace("~1", "/").replace("~0", "~") for t in path.split("/")]
    node: Any = root
    for step in steps[:-1]:
        node = node[_index(node, step)]
    return node, steps[-1]


def _index(node: Any, step: str) -> Any:
    if not isinstance(node, list):
        return step
    if not step.isdecimal() or int(step) >= len(node):
        raise ValueError(f"no item {step!r} in a list of {len(node)}")
    return int(step)


def _get(root: dict[str, Any], path: str) -> Any:
    node, step = _parent(root, path)
    return node[_index(node, step)]


def _set(root: dict[str, Any], path: str, value: Any) -> None:
    node, step = _parent(root, path)
    node[_index(node, step)] = value


def _remove(root: dict[str, Any], path: str) -> Any:
    node, step = _parent(root, path)
    return node.pop(_index(node, step))


def _add(root: dict[str, Any], path: str, value: Any) -> None:
    node, step = _parent(root, path)
    if not isinstance(node, list):
        node[step] = value
    elif step == "-" or step == str(len(node)):
        node.append(value)
    else:
        node.insert(_index(node, step), value)
