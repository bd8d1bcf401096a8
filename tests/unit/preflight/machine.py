"""A machine that passes every check, and ways to spoil it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.checks import Preflight, run_checks

CFG = ClusterConfig(node=NodeSpec("n", api=ApiEndpoint("192.0.2.10")))
GOOD = TypeAdapter(HostFacts).validate_json(Path(__file__).with_name("good_host.json").read_text())
NESTED = ("configured", "kernel", "clock")


def spoiled(facts: HostFacts = GOOD, **changes: Any) -> HostFacts:
    """The facts with some fields replaced; those of a nested value as `configured={…}`."""
    if changes.get("mode") == "node":  # in a network of its own, without the engine's bridge
        changes.setdefault("links", ("lo", "eth0"))
    for name in NESTED:
        if isinstance(changes.get(name), dict):
            changes[name] = dataclasses.replace(getattr(facts, name), **changes[name])
    return dataclasses.replace(facts, **changes)


def run(cfg: ClusterConfig = CFG, *, fresh: bool = True, strict: bool = False, **changes: Any) -> Preflight:
    return run_checks(cfg, spoiled(**changes), fresh=fresh, strict=strict)


def named(preflight: Preflight) -> list[str]:
    return [finding.name for finding in preflight.findings]
