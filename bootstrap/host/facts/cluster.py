"""The facts of a cluster, read through its API in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.model import names
from bootstrap.model.cluster import Document
from bootstrap.model.cluster_facts import ClusterFacts, ClusterNode
from bootstrap.model.images.reference import version_of

Get = Callable[[str], Mapping[str, Any] | None]
"""REST path → object, None when there is none or nobody answers."""
SYSTEM = "/api/v1/namespaces/kube-system"
_PODS = f"{SYSTEM}/pods?labelSelector=tier%3Dcontrol-plane,component%3D"
ETCD_PODS, APISERVER_PODS = f"{_PODS}etcd", f"{_PODS}kube-apiserver"
ETCD_URLS = "kubeadm.kubernetes.io/etcd.advertise-client-urls"


def read_cluster(get: Get) -> ClusterFacts | None:
    """None when no API server answers."""
    version, nodes = get("/version"), get("/api/v1/nodes")
    if version is None or nodes is None:
        return None
    return ClusterFacts(
        str(version.get("gitVersion", "")),
        _document(get(f"{SYSTEM}/configmaps/kubeadm-config"), "ClusterConfiguration"),
        _document(get(f"{SYSTEM}/configmaps/kubelet-config"), "kubelet"),
        tuple(sorted(map(cluster_node, nodes.get("items") or ()), key=lambda node: node.name)),
        dict(sorted(_annotated(pod, ETCD_URLS) for pod in (get(ETCD_PODS) or {}).get("items") or ())),
        dict(sorted(map(_api_server, (get(APISERVER_PODS) or {}).get("items") or ()))),
    )


def api_servers(get: Get) -> dict[str, str] | None:
    """Control planes, and where the API server of each answers (empty: none runs). None when nobody answers."""
    nodes, pods = get("/api/v1/nodes"), get(APISERVER_PODS)
    if nodes is None or pods is None:
        return None
    found = dict(_annotated(pod, names.APISERVER_ENDPOINT) for pod in pods.get("items") or ())
    planes = (node.name for node in map(cluster_node, nodes.get("items") or ()) if node.control_plane)
    return {name: found.get(name, "") for name in sorted(planes)}


def _document(config_map: Mapping[str, Any] | None, key: str) -> Document:
    try:
        found = parse_one(str(((config_map or {}).get("data") or {}).get(key, "")))
    except UnreadableError:
        return {}
    return found if isinstance(found, dict) else {}


def cluster_node(body: Mapping[str, Any]) -> ClusterNode:
    """A Node of the API."""
    metadata, status = body["metadata"], body.get("status") or {}
    conditions = {c["type"]: c["status"] for c in status.get("conditions") or ()}
    addresses = {a["type"]: a["address"] for a in status.get("addresses") or ()}
    return ClusterNode(
        metadata["name"],
        str((status.get("nodeInfo") or {}).get("kubeletVersion", "")),
        addresses.get("InternalIP", ""),
        ready=conditions.get("Ready") == "True",
        control_plane=names.CONTROL_PLANE_ROLE in (metadata.get("labels") or {}),
    )


def _annotated(pod: Mapping[str, Any], key: str) -> tuple[str, str]:
    """Its node, and what an annotation says."""
    return str(pod["spec"].get("nodeName", "")), (pod["metadata"].get("annotations") or {}).get(key, "")


def _api_server(pod: Mapping[str, Any]) -> tuple[str, str]:
    return str(pod["spec"].get("nodeName", "")), version_of(str(pod["spec"]["containers"][0]["image"]))
