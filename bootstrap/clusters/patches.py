"""Changes that a user wants of the documents that a node is configured with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.model.cluster_shape import ConfigPatch, JsonPatch
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.patch.jsonpatch import json_patch, merge_patch

_ARGUMENTS = ("extraArgs", "kubeletExtraArgs")
_NAMES = "certSANs"


def patched(documents: Mapping[str, Mapping[str, Any]], patches: Sequence[ConfigPatch]) -> dict[str, dict[str, Any]]:
    """By kind; a patch for a kind that is not among them is for other nodes. Raises BootstrapError (exit 3)."""
    result: dict[str, dict[str, Any]] = {kind: dict(document) for kind, document in documents.items()}
    for patch in patches:
        kind = patch.kind if isinstance(patch, JsonPatch) else str(patch.document.get("kind", ""))
        if kind not in result:
            continue
        if isinstance(patch, JsonPatch):
            result[kind] = _operated(result[kind], patch)
        else:
            changes = {key: value for key, value in patch.document.items() if key not in ("apiVersion", "kind")}
            result[kind] = merge_patch(result[kind], _lists(result[kind], changes))
    return result


def _lists(document: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """With the lists that kind merges item by item, where a merge patch would replace them: arguments, names."""
    before: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    result: dict[str, Any] = {}
    for key, value in changes.items():
        if key in _ARGUMENTS and value is not None:
            result[key] = _arguments(before.get(key) or [], value)
        elif key == _NAMES and isinstance(value, list):
            result[key] = list(dict.fromkeys([*(before.get(key) or []), *value]))
        else:
            result[key] = _lists(before.get(key), value) if isinstance(value, Mapping) else value
    return result


def _arguments(before: Sequence[Mapping[str, Any]], changes: Any) -> list[Any]:
    """By their names; until v1beta3 they were written `name: value`. One without a value goes."""
    if isinstance(changes, Mapping):
        changes = [{"name": name, "value": value} for name, value in changes.items()]
    if not isinstance(changes, list) or not all(isinstance(item, Mapping) and "name" in item for item in changes):
        return changes  # type: ignore[no-any-return]  # the configuration's reader says what is wrong with it
    changed = {item["name"] for item in changes}
    kept = [item for item in before if item["name"] not in changed]
    return [*kept, *({**item, "value": _text(item["value"])} for item in changes if item.get("value") is not None)]


def _text(value: Any) -> Any:
    """Numbers and truth may stand without quotes."""
    return json.dumps(value) if isinstance(value, bool | int) else value


def _operated(document: dict[str, Any], patch: JsonPatch) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json_patch(document, [dict(operation) for operation in patch.operations])
    except (ValueError, LookupError, TypeError) as e:
        raise BootstrapError(
            f"a JSON patch does not fit {patch.kind}",
            code=Exit.CONFIG,
            why=str(e),
            fix="bootstrap cluster create --dry-run -o json without it shows the documents that it is for",
        ) from None
    return found
