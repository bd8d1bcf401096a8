"""Plans of `init` in tests: made from a configuration, changed by the names of fields, whoever has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from bootstrap.config import to_cluster_configuration, to_stored
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Plan
from bootstrap.phases.init import init_plan
from bootstrap.phases.inputs import ClusterInputs, ControlPlaneInputs, NodeInputs
from bootstrap.render.controlplane.own import stored
from bootstrap.render.pki.issue import ca_pem, issue_pki
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import KeySource

Inputs = tuple[NodeInputs, ControlPlaneInputs, ClusterInputs]


def new_inputs(
    cfg: ClusterConfig, facts: HostFacts, keys: KeySource, now: datetime, manifests: Mapping[str, str]
) -> Inputs:
    """Of a machine that has nothing yet; no tokens."""
    pki = issue_pki(cfg, {}, keys, now)
    by_path = {f.path: f.content for f in pki}
    kubeconfigs = issue_kubeconfigs(Ground(cfg, by_path, keys, now), {})
    return (
        NodeInputs(cfg, facts, to_stored(cfg).encode(), kubeconfigs, {}),
        ControlPlaneInputs(pki),
        ClusterInputs(to_cluster_configuration(stored(cfg, facts)), ca_pem(cfg, by_path), manifests, now),
    )


def planned(inputs: Inputs, **values: Any) -> Plan:
    """The plan of `inputs`, with other values of fields of its parts."""
    found: list[Any] = []
    for part in inputs:
        mine = {f.name: values.pop(f.name) for f in fields(part) if f.name in values}
        found.append(replace(part, **mine))
    assert not values, f"no field is called {', '.join(values)}"
    return init_plan(*found)
