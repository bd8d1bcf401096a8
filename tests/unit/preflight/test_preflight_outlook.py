"""What an upgrade means: versions now and then, kinds and APIs that the new version does not read."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.model import names
from bootstrap.model.cluster_facts import ClusterNode
from bootstrap.preflight.outlook import (
    ComponentChange,
    KindState,
    component_changes,
    kind_states,
    removed_apis,
    with_own,
)
from bootstrap.render.images.catalog import MINORS
from tests.golden.rendered import GUEST_HOST

CFG = resolve(Documents(), Overrides(), GUEST_HOST)
OLD, NEW = "v1.36.3+bootstrap.1", names.BUILT_VERSION
NODES = (ClusterNode("a", OLD, control_plane=True), ClusterNode("w", "v1.35.0"))
COUNTED = 'apiserver_requested_deprecated_apis{{group="{}",removed_release="{}",resource="{}",version="{}"}} {}\n'


def pod(component: str, node: str, image: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{component}-{node}", "labels": {"component": component}},
        "spec": {"nodeName": node, "containers": [{"image": image}]},
    }


PODS = (
    pod("kube-apiserver", "b", "localhost/bootstrap/kube-apiserver:v1.36.3_bootstrap.1"),
    pod("kube-apiserver", "a", "localhost:5000/kube-apiserver:v1.36.3_bootstrap.1@sha256:00"),
    pod("etcd", "a", "localhost/bootstrap/etcd:3.6.8-0"),
    pod("of-others", "a", "example/of-others:v1"),
)
PROXY = {"spec": {"template": {"spec": {"containers": [{"image": "localhost/bootstrap/kube-proxy:v1.36.3"}]}}}}


def test_every_component_has_its_version_now_and_then() -> None:
    assert component_changes(CFG, NODES, PODS, {"kube-proxy": PROXY}) == (
        ComponentChange("kube-apiserver", "a", OLD, NEW),
        ComponentChange("kube-apiserver", "b", OLD, NEW),
        ComponentChange("etcd", "a", "3.6.8-0", MINORS[names.KUBERNETES_MINOR].etcd),
        ComponentChange("kube-proxy", "", "v1.36.3", NEW),
        ComponentChange("kubelet", "a", OLD, NEW),
        ComponentChange("kubelet", "w", "v1.35.0", NEW),
    )


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd", "kube-scheduler"])
def test_a_static_pod_that_the_api_does_not_show_yet_is_seen_on_the_disk(component: str) -> None:
    own = {"metadata": {"name": component, "labels": {"component": component}}, "spec": {"containers": []}}
    shown = pod(component, "other", "x:1")

    assert [p["spec"]["nodeName"] for p in with_own((shown,), (own,), "mine")] == ["other", "mine"]
    mine = pod(component, "mine", "x:2")
    assert with_own((shown, mine), (own,), "mine") == (shown, mine)


def test_an_etcd_that_stays_is_left_out() -> None:
    found = component_changes(CFG, (), PODS, {}, etcd=False)
    assert {change.name for change in found} == {"kube-apiserver"}


def test_kinds_of_earlier_versions_are_for_the_user_to_migrate() -> None:
    stored = {
        "ClusterConfiguration": {"apiVersion": "kubeadm.k8s.io/v1beta3"},
        "KubeletConfiguration": {"apiVersion": "kubelet.config.k8s.io/v1beta1"},
        "KubeProxyConfiguration": {},
    }
    found = kind_states(stored)

    assert found == (
        KindState("kubeadm.k8s.io", "v1beta3", "v1beta4"),
        KindState("kubelet.config.k8s.io", "v1beta1", "v1beta1"),
        KindState("kubeproxy.config.k8s.io", "", "v1alpha1"),
    )
    assert [state.by_hand for state in found] == [True, False, False]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("networking.k8s.io", "1.37", "ipaddresses", "v1beta1", 1), ("networking.k8s.io/v1beta1 ipaddresses",)),
        (("", "1.9", "componentstatuses", "v1", 1), ("v1 componentstatuses",)),
        (("storage.k8s.io", "1.99", "volumeattributesclasses", "v1beta1", 1), ()),
        (("", "", "componentstatuses", "v1", 1), ()),
        (("networking.k8s.io", "1.37", "ipaddresses", "v1beta1", 0), ()),
    ],
)
def test_apis_in_use_that_go_are_named(line: tuple[object, ...], expected: tuple[str, ...]) -> None:
    metrics = f"# TYPE x gauge\n{COUNTED.format(*line)}other 1\n"
    assert removed_apis(metrics) == expected
