"""REST paths of objects."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.host.kube_client import object_path


def body(version: str, kind: str, namespace: str = "") -> dict[str, Any]:
    metadata = {"name": "x"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


@pytest.mark.parametrize(
    ("version", "kind", "namespace", "path"),
    [
        ("v1", "Node", "", "/api/v1/nodes/x"),
        ("v1", "Namespace", "", "/api/v1/namespaces/x"),
        ("v1", "ConfigMap", "kube-system", "/api/v1/namespaces/kube-system/configmaps/x"),
        ("v1", "Endpoints", "a", "/api/v1/namespaces/a/endpoints/x"),
        ("apps/v1", "DaemonSet", "kube-system", "/apis/apps/v1/namespaces/kube-system/daemonsets/x"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "", "/apis/rbac.authorization.k8s.io/v1/clusterroles/x"),
        ("scheduling.k8s.io/v1", "PriorityClass", "", "/apis/scheduling.k8s.io/v1/priorityclasses/x"),
        ("networking.k8s.io/v1", "NetworkPolicy", "a", "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/x"),
    ],
)
def test_object_path(version: str, kind: str, namespace: str, path: str) -> None:
    assert object_path(body(version, kind, namespace)) == path
    assert object_path(body(version, kind, namespace), collection=True) == path.removesuffix("/x")
