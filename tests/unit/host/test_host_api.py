"""REST paths of objects."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bootstrap.host.kube_client import KubeApi, object_path
from bootstrap.model.errors import BootstrapError


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


def kubeconfig(current: str) -> bytes:
    """Two contexts; the files of the first are no base64."""
    names, data = ("other", "own"), ("!", "bWU=")
    return yaml.safe_dump(
        {
            "clusters": [
                {"name": n, "cluster": {"certificate-authority-data": d}} for n, d in zip(names, data, strict=True)
            ],
            "users": [
                {"name": n, "user": {"client-certificate-data": d, "client-key-data": d}}
                for n, d in zip(names, data, strict=True)
            ],
            "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in names],
            "current-context": current,
        }
    ).encode()


def test_the_current_context_is_who_talks() -> None:
    assert KubeApi(kubeconfig("own"), "https://192.0.2.1:6443").server == "https://192.0.2.1:6443"


@pytest.mark.parametrize("content", [kubeconfig("none"), b"", b"}{", b"users: []"])
def test_no_current_context_is_one_clear_error(content: bytes) -> None:
    with pytest.raises(BootstrapError, match="no way to talk"):
        KubeApi(content, "https://192.0.2.1:6443")
