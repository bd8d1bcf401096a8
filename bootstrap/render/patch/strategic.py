"""Strategic merge as Pods, DaemonSets, Deployments and KubeletConfiguration need it.

Maps merge; lists whose items have a merge key merge item by item; other lists are replaced. `$patch: delete|replace` is
understood in maps and items, `$retainKeys` and `$setElementOrder` are not: no tool that writes by hand uses them.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

MERGE_KEYS: dict[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Field name → the key by which its items are the same (patchMergeKey in the API's Go types)."""


def strategic_merge(document: Any, patch: Any) -> Any:
    """`document` with `patch` merged in; the arguments are not changed."""
    if not isinstance(document, dict) or not isinstance(patch, dict):
        return deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    if directive == "replace":
        return _without_directive(patch)
    merged = deepcopy(document)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = strategic_merge(merged.get(key, {}), value)
        elif isinstance(value, list):
            merged[key] = _merge_list(key, merged.get(key), value)
        else:
            merged[key] = value
    return merged


def _merge_list(field: str, items: Any, patches: list[Any]) -> list[Any]:
    key = MERGE_KEYS.get(field)
    if not isinstance(items, list) or not key or not all(isinstance(p, dict) for p in patches):
        return deepcopy(patches)
    replace = any(p == {"$patch": "replace"} for p in patches)
    merged = [] if replace else deepcopy(items)
    for patch in patches:
        if patch == {"$patch": "replace"}:
            continue
        at = _position(merged, patch, key)
        if patch.get("$patch") == "delete":
            merged = [item for i, item in enumerate(merged) if i != at]
        elif at is None:
            merged.append(_without_directive(patch))
        else:
            merged[at] = strategic_merge(merged[at], patch)
    return merged


def _position(items: list[Any], patch: dict[str, Any], key: str) -> int | None:
    if key not in patch:
        raise ValueError(f"an item of a list has no {key}, which tells the items apart")
    return next((i for i, item in enumerate(items) if item.get(key) == patch[key]), None)


def _without_directive(patch: dict[str, Any]) -> dict[str, Any]:
    return {key: deepcopy(value) for key, value in patch.items() if key != "$patch"}
