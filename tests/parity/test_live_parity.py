"""Two clusters for real, one by kubeadm and one by us, in containers of our image, compared field by field.

Needs a Docker engine with our image, and a kubeadm binary (tests/parity/kubeadm.py). Wanted differences are those of
differences.yaml; what shows only in a live cluster has `cluster: live` there, and has to match something here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from bootstrap.model import names
from tests.parity import kubeadm, live
from tests.parity.fields import Fields, of_file, of_object
from tests.parity.test_render_parity import ABSENT, Difference, wanted

CLUSTER = "live"
ADDRESS = "192.0.2.10"
TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 (the example of the documentation)
KINDS = (
    "configmaps,secrets,serviceaccounts,services,deployments,daemonsets,nodes,"
    "clusterroles,clusterrolebindings,roles,rolebindings"
)
NAMED = {
    "ConfigMap": r"kubeadm-config|kubelet-config|kube-proxy|cluster-info|coredns",
    "Secret": r"bootstrap-token-.*",
    "ServiceAccount": r"kube-proxy|coredns",
    "Service": r"kube-dns",
    "Deployment": r".*",
    "DaemonSet": r"kube-proxy",
    "Node": r".*",
    "ClusterRole": r"kubeadm:.*|system:coredns",
    "ClusterRoleBinding": r"kubeadm:.*|system:coredns",
    "Role": r"kubeadm:.*|kube-proxy",
    "RoleBinding": r"kubeadm:.*|kube-proxy",
}
"""What init makes; the rest is Kubernetes' own, or an add-on's that kubeadm has not."""
OF_THE_MOMENT = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "finalizers")
OF_CONTROLLERS = ("deployment.kubernetes.io/", "deprecated.daemonset.", "node.alpha.kubernetes.io/", "flannel.")
TAINTS_OF_CONTROLLERS = "node.kubernetes.io/"
FILES = (names.KUBERNETES_DIR, names.KUBELET_CONFIG, names.KUBELET_INSTANCE_CONFIG, names.KUBELET_FLAGS_ENV)
SECONDS = 60
OF_LONE_PHASES = (
    "Node//* *",
    "ClusterRoleBinding//kubeadm:cluster-admins *",
    "DaemonSet/kube-system/kube-proxy *.env.*",
)
"""Decisions that are about what a phase of kubeadm does not show when it runs alone: here it has run whole."""


@pytest.fixture(scope="module")
def clusters() -> Iterator[tuple[Fields, Fields]]:
    """The fields of both, made at the same time."""
    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.submit(_by_kubeadm), pool.submit(_by_us)
        yield theirs.result(), ours.result()


@pytest.fixture(scope="module")
def differences(clusters: tuple[Fields, Fields]) -> list[Difference]:
    theirs, ours = clusters
    pairs = ((field, theirs.get(field, ABSENT), ours.get(field, ABSENT)) for field in sorted(theirs | ours))
    return [Difference(CLUSTER, field, a, b) for field, a, b in pairs if a != b]


def test_only_wanted_differences(differences: list[Difference]) -> None:
    decisions = [w for w in wanted() if w.path not in OF_LONE_PHASES]
    unwanted = [d for d in differences if not any(w.covers(d) for w in decisions)]
    assert not unwanted, "\n".join(map(str, unwanted))


def test_every_live_decision_still_differs(differences: list[Difference]) -> None:
    stale = [w.path for w in wanted() if w.cluster == CLUSTER and not any(w.covers(d) for d in differences)]
    assert not stale, stale


def test_enough_is_compared(clusters: tuple[Fields, Fields]) -> None:
    """A comparison of two empty clusters would pass too."""
    for fields in clusters:
        assert len(fields) > 600
        assert fields["/etc/kubernetes/pki/etcd/server.crt sans." + ADDRESS] == "present"
        assert fields["/etc/kubernetes/manifests/etcd.yaml spec.containers.etcd.command.name"] == live.HOSTNAME
        assert fields[f"Node//{live.HOSTNAME} metadata.labels.kubernetes.io/hostname"] == live.HOSTNAME
        assert fields["ConfigMap/kube-public/cluster-info data.jws-kubeconfig-abcdef"] == "a signature"
        assert {
            *(
                f"ConfigMap/kube-system/{name}"
                for name in ("kubeadm-config", "kubelet-config", "kube-proxy", "coredns")
            ),
            "ClusterRoleBinding//kubeadm:cluster-admins",
            "ClusterRoleBinding//kubeadm:node-proxier",
            "ClusterRole//system:coredns",
            "RoleBinding/kube-public/kubeadm:bootstrap-signer-clusterinfo",
            "Secret/kube-system/bootstrap-token-abcdef",
            "DaemonSet/kube-system/kube-proxy",
            "Deployment/kube-system/coredns",
            "Service/kube-system/kube-dns",
        } <= {field.split()[0] for field in fields}


def _by_kubeadm() -> Fields:
    binary = kubeadm.binary()
    with live.node(f"bt-par-kubeadm-{os.getpid()}") as node:
        live.prepare_kubeadm(node, binary, _configuration(patches=True))
        node.run("sh", "-c", live.KUBEADM_INIT)
        return _fields(node)


def _by_us() -> Fields:
    with live.node(f"bt-par-ours-{os.getpid()}") as node:
        node.write(live.KUBEADM_CONFIG, _configuration(patches=False))
        node.run("bootstrap", "init", "--config", live.KUBEADM_CONFIG, "--wait", "node")
        return _fields(node)


def _configuration(*, patches: bool) -> bytes:
    """The same for both, but for the patches with which kubeadm's kubelet starts in a container at all."""
    return live.configuration(
        patches=patches, cluster={"encryptionAlgorithm": "ECDSA-P256"}, init={"bootstrapTokens": [{"token": TOKEN}]}
    )


def _fields(node: live.Node) -> Fields:
    fields: Fields = {}
    for path, mode, content in node.files(*FILES):
        if path == names.KUBELET_CONF:
            fields |= of_file(path, mode, _without_files(content, fields))
        elif not path.startswith(f"{names.STATE_DIR}/"):
            fields |= of_file(path, mode, content)
    for body in _objects(node):
        fields |= of_object(_lasting(body))
    return {_renamed(key, node): _renamed(value, node) for key, value in fields.items()}


def _without_files(kubeconfig: bytes, fields: Fields) -> bytes:
    """The kubelet's credential is a file that it renews, and not data in its kubeconfig."""
    document = yaml.safe_load(kubeconfig)
    for user in document.pop("users"):
        for key, value in user["user"].items():
            fields[f"{names.KUBELET_CONF} users.{user['name']}.{key}"] = value
    return yaml.safe_dump(document).encode()


def _objects(node: live.Node) -> list[dict[str, Any]]:
    """What init made, once the controllers have added what others see: the signature, and the ServiceAccounts."""
    end = time.monotonic() + SECONDS
    while True:
        found = [
            body
            for body in node.objects(KINDS)
            if re.fullmatch(NAMED[body["kind"]], body["metadata"]["name"])
            and body["metadata"].get("namespace", "kube-system") in ("kube-system", "kube-public")
        ]
        if any("jws-kubeconfig-abcdef" in body.get("data", {}) for body in found):
            return found
        assert time.monotonic() < end, "cluster-info was not signed"
        time.sleep(0.5)


def _lasting(body: dict[str, Any]) -> dict[str, Any]:
    """Without what another moment or a controller would have made different."""
    meta = {k: v for k, v in body["metadata"].items() if k not in OF_THE_MOMENT}
    meta["annotations"] = {k: v for k, v in meta.get("annotations", {}).items() if not k.startswith(OF_CONTROLLERS)}
    kept = {k: v for k, v in body.items() if k != "status"} | {"metadata": meta}
    if body["kind"] == "Node":
        taints = body["spec"].get("taints", ())
        kept["spec"] = {"taints": [t for t in taints if not t["key"].startswith(TAINTS_OF_CONTROLLERS)]}
    if body["kind"] == "ConfigMap":
        kept["data"] = {k: "a signature" if k.startswith("jws-") else v for k, v in body["data"].items()}
    return kept


def _renamed(value: Any, node: live.Node) -> Any:
    if isinstance(value, str):
        return re.sub(rf"(?<!\d)(?<!\d\.){re.escape(node.address)}(?!\.?\d)", ADDRESS, value)
    return [_renamed(item, node) for item in value] if isinstance(value, list) else value
