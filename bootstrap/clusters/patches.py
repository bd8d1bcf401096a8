"""Changes that a user wants of the documents that a node is configured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.model.cluster_shape import ConfigPatch, JsonPatch
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.patch.jsonpatch import json_patch, merge_patch


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
            result[kind] = merge_patch(result[kind], changes)
    return result


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
