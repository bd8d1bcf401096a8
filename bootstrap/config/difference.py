"""How two configurations differ, for a second `init` that would change the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bootstrap.config.stored import stored_documents
from bootstrap.model.cluster import ClusterConfig

_TRUST = "BootstrapConfiguration.bundle"
"""Whose bundles are taken is no setting of the cluster: another value is no difference."""


def difference(old: ClusterConfig, new: ClusterConfig) -> list[str]:
    """`path: old → new`, one line for each setting of the cluster that differs; empty if none does."""
    before, after = _settings(old), _settings(new)
    return [
        f"{path}: {_shown(before.get(path))} → {_shown(after.get(path))}"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _settings(config: ClusterConfig) -> dict[str, Any]:
    """Path → value of every setting that is not empty."""
    found = {path: value for doc in stored_documents(config) for path, value in _leaves(str(doc["kind"]), doc)}
    return {p: v for p, v in found.items() if not p.startswith(_TRUST) and not p.endswith((".apiVersion", ".kind"))}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value):
            yield from _leaves(f"{path}[{i}]", item)
    elif value not in (None, []) or path.endswith(".taints"):
        yield path, value


def _shown(value: Any) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) or "(none)" if isinstance(value, list) else str(value)
