"""Configurations of tests, changed by the names of fields, wherever in them a field lives."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from bootstrap.model.cluster import ApiEndpoint, ClusterConfig


def changed(cfg: ClusterConfig, **values: Any) -> ClusterConfig:
    """`cfg` with other values of fields of its parts: cluster, node, the node's API server, run."""
    own = {name: values.pop(name) for name in ("node", "cluster", "own", "run") if name in values}
    cfg = replace(cfg, **own)
    api = {f.name: values.pop(f.name) for f in fields(ApiEndpoint) if f.name in values}
    if api:
        cfg = replace(cfg, node=replace(cfg.node, api=replace(cfg.api, **api)))
    for part in ("cluster", "node", "run"):
        before = getattr(cfg, part)
        mine = {f.name: values.pop(f.name) for f in fields(before) if f.name in values}
        cfg = replace(cfg, **{part: replace(before, **mine)}) if mine else cfg
    assert not values, f"no field is called {', '.join(values)}"
    return cfg
