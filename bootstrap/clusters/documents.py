"""What each node of a throwaway cluster is configured with: the documents that `init` and `join` read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.clusters.patches import patched
from bootstrap.config import Overrides, load, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.config.schema.fields import KINDS
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig
from bootstrap.model.cluster_shape import CONTROL_PLANE, ClusterShape, NodeShape
from bootstrap.render.node.kubelet import overlaid

_OF_INIT = ("InitConfiguration", "ClusterConfiguration", "KubeletConfiguration", "KubeProxyConfiguration")
_COMPONENTS = ("apiServer", "controllerManager", "scheduler")
NO_PROXY_MODE = "none"
DUAL_SERVICES = "10.96.0.0/16,fd00:10:96::/112"
"""As kind has them; Pods get a range of each family then."""


@dataclass(frozen=True)
class Endpoint:
    """Where the API is: `shared` when several control planes have it; `sans` are its other names."""

    address: str
    shared: bool
    sans: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(ApiEndpoint(self.address))


def init_documents(
    shape: ClusterShape,
    node: NodeShape,
    name: str,
    address: str,
    endpoint: Endpoint,
    token: str,
    services: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Of the node that begins the cluster; `services` are ranges for LoadBalancer Services.

    Raises BootstrapError (exit 3): a patch that does not fit.
    """
    must: dict[str, Any] = {
        "InitConfiguration": {
            "bootstrapTokens": [{"token": str(token), "description": "The nodes that were made with the cluster."}],
            "localAPIEndpoint": {"advertiseAddress": address},
            "nodeRegistration": _registration(node, name),
        },
        "ClusterConfiguration": {"controlPlaneEndpoint": str(endpoint)} if endpoint.shared else {},
    }
    documents = overlaid(overlaid(_defaults(shape, services), _written(shape)), must)
    sans = _written(shape).get("ClusterConfiguration", {}).get("apiServer", {}).get("certSANs", [])
    documents["ClusterConfiguration"].setdefault("apiServer", {})["certSANs"] = [*endpoint.sans, *sans]
    kinds = {kind: documents.get(kind, {}) for kind in (*_OF_INIT, names.OWN_KIND)}
    return _finished(kinds, shape, node)


def join_documents(
    shape: ClusterShape, node: NodeShape, name: str, address: str, endpoint: Endpoint, token: str, pins: Sequence[str]
) -> list[dict[str, Any]]:
    """Of one that joins. Raises BootstrapError (exit 3): a patch that does not fit."""
    discovery = {"apiServerEndpoint": str(endpoint), "token": str(token), "caCertHashes": list(pins)}
    must: dict[str, Any] = {
        "discovery": {"bootstrapToken": discovery},
        "nodeRegistration": _registration(node, name),
    }
    if node.role == CONTROL_PLANE:
        must["controlPlane"] = {"localAPIEndpoint": {"advertiseAddress": address}}
    written = _written(shape)
    kinds = {"JoinConfiguration": overlaid(written.get("JoinConfiguration", {}), must)}
    if names.OWN_KIND in written:
        kinds[names.OWN_KIND] = dict(written[names.OWN_KIND])
    return _finished(kinds, shape, node)


def effective(documents: Sequence[Mapping[str, Any]]) -> ClusterConfig:
    """What `init` makes of its documents. Raises BootstrapError (exit 3) with all that is wrong with them."""
    return resolve(load(to_yaml(*documents).encode()), Overrides(), ANY_HOST)


def _finished(kinds: Mapping[str, Mapping[str, Any]], shape: ClusterShape, node: NodeShape) -> list[dict[str, Any]]:
    versioned = {kind: {"apiVersion": _version(kind), "kind": kind, **doc} for kind, doc in kinds.items()}
    result = patched(versioned, (*shape.patches, *node.patches))
    return [doc for doc in result.values() if len(doc) > len(("apiVersion", "kind"))]


def _version(kind: str) -> str:
    return names.OWN_VERSION if kind == names.OWN_KIND else KINDS[kind][0]


def _written(shape: ClusterShape) -> dict[str, Any]:
    """The user's own documents, by kind."""
    return {str(doc.get("kind", "")): dict(doc) for doc in shape.documents}


def _registration(node: NodeShape, name: str) -> dict[str, Any]:
    labels = ",".join(f"{key}={value}" for key, value in node.labels.items())
    extra = {"kubeletExtraArgs": [{"name": "node-labels", "value": labels}]} if labels else {}
    return {"name": name, **extra}


def _defaults(shape: ClusterShape, services: Sequence[str]) -> dict[str, Any]:
    """What the shape says in words of its own; the user's documents win."""
    net = shape.networking
    ranges = DUAL_SERVICES if net.family == "dual" else ""
    networking = {"podSubnet": net.pod_subnet, "serviceSubnet": net.service_subnet or ranges}
    gates = dict(shape.feature_gates)
    arguments = {"feature-gates": ",".join(f"{gate}={str(on).lower()}" for gate, on in sorted(gates.items()))}
    runtime = {"runtime-config": ",".join(f"{api}={value}" for api, value in sorted(shape.runtime_config.items()))}
    cluster: dict[str, Any] = {"clusterName": shape.name, "networking": {k: v for k, v in networking.items() if v}}
    for component in _COMPONENTS:
        given = {**arguments, **(runtime if component == "apiServer" else {})}
        if extra := [{"name": name, "value": value} for name, value in given.items() if value]:
            cluster[component] = {"extraArgs": extra}
    proxy: dict[str, Any] = {"mode": net.proxy_mode} if net.proxy_mode not in ("", NO_PROXY_MODE) else {}
    if net.proxy_mode == "ipvs" and services:
        proxy["ipvs"] = {"strictARP": True}  # else every node says that a Service's address is its own
    alone = all(node.role == CONTROL_PLANE for node in shape.nodes)
    return {
        "InitConfiguration": {"skipPhases": ["addon/kube-proxy"]} if net.proxy_mode == NO_PROXY_MODE else {},
        "ClusterConfiguration": cluster,
        "KubeletConfiguration": {"featureGates": gates} if gates else {},
        "KubeProxyConfiguration": {**proxy, **({"featureGates": gates} if gates else {})},
        names.OWN_KIND: {"workloadsOnControlPlane": alone, "cni": net.cni, "storage": shape.storage}
        | ({"loadBalancerAddresses": list(services)} if services else {}),
    }
