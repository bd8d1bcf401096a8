"""Where an object lives in the API: by our own table for what we render, by asking the server for anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.host.kube_client import object_path
from bootstrap.model.effects import Apply, ObjectGone

DEFAULT_NAMESPACE = "default"
"""Of objects whose manifest names none, as kubectl has it."""
Get = Callable[[str], Mapping[str, Any] | None]
"""REST path → what the API server answers, None when that is not 200."""


def located(effect: Apply | ObjectGone, get: Get) -> tuple[str, Mapping[str, Any]] | None:
    """The object's path, and the object with its namespace; None while the server does not serve the kind."""
    body = effect.body
    if not effect.discover:
        return object_path(body), body
    version = body["apiVersion"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    served = (get(prefix) or {}).get("resources", ())
    found = next((r for r in served if r["kind"] == body["kind"] and "/" not in r["name"]), None)
    if found is None:
        return None
    metadata = {key: value for key, value in body["metadata"].items() if key != "namespace"}
    if not found["namespaced"]:
        return f"{prefix}/{found['name']}/{metadata['name']}", {**body, "metadata": metadata}
    namespace = body["metadata"].get("namespace") or DEFAULT_NAMESPACE
    path = f"{prefix}/namespaces/{namespace}/{found['name']}/{metadata['name']}"
    return path, {**body, "metadata": {**metadata, "namespace": namespace}}
