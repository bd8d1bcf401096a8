"""Facts of a cluster: read in one pass, whole in JSON, and what `init --reconfigure` says of other machines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap.host.facts.cluster import APISERVER_PODS, ETCD_PODS, ETCD_URLS, SYSTEM, read_cluster
from bootstrap.model import names
from bootstrap.model.cluster_facts import ClusterFacts, ClusterNode
from bootstrap.workflows.reconfigure import elsewhere


def node(name: str, address: str, ready: str, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "nodeInfo": {"kubeletVersion": "v1.37.0"},
        },
    }


def config_map(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "data": data}


OBJECTS: dict[str, Any] = {
    "/version": {"gitVersion": "v1.37.0+bootstrap.1"},
    "/api/v1/nodes": {
        "items": [
            node("b", "192.0.2.2", "Unknown"),
            node("a", "192.0.2.1", "True", **{names.CONTROL_PLANE_ROLE: ""}),
        ]
    },
    f"{SYSTEM}/configmaps/kubeadm-config": config_map(ClusterConfiguration="clusterName: mine\n"),
    f"{SYSTEM}/configmaps/kubelet-config": config_map(kubelet="maxPods: 50\n"),
    ETCD_PODS: {
        "items": [
            {"metadata": {"annotations": {ETCD_URLS: "https://192.0.2.1:2379"}}, "spec": {"nodeName": "a"}},
        ]
    },
    APISERVER_PODS: {
        "items": [{"spec": {"nodeName": "a", "containers": [{"image": "r/kube-apiserver:v1.37.0_bootstrap.1"}]}}]
    },
}
FACTS = ClusterFacts(
    "v1.37.0+bootstrap.1",
    {"clusterName": "mine"},
    {"maxPods": 50},
    (
        ClusterNode("a", "v1.37.0", "192.0.2.1", control_plane=True),
        ClusterNode("b", "v1.37.0", "192.0.2.2", ready=False),
    ),
    {"a": "https://192.0.2.1:2379"},
    {"a": "v1.37.0+bootstrap.1"},
)


def test_all_of_it_is_read() -> None:
    assert read_cluster(OBJECTS.get) == FACTS


def test_json_holds_all_of_it() -> None:
    assert ClusterFacts.from_dict(json.loads(json.dumps(FACTS.to_dict()))) == FACTS


@pytest.mark.parametrize("path", ["/version", "/api/v1/nodes"])
def test_without_an_api_server_there_are_none(path: str) -> None:
    assert read_cluster({**OBJECTS, path: None}.get) is None


@pytest.mark.parametrize("text", ["}{", "", "[]"])
def test_what_a_config_map_says_that_is_no_document_is_none(text: str) -> None:
    damaged = {**OBJECTS, f"{SYSTEM}/configmaps/kubeadm-config": config_map(ClusterConfiguration=text)}
    found = read_cluster(damaged.get)

    assert found
    assert found.configuration == {}


SAME = FACTS.configuration.get("controlPlaneEndpoint", "")


def test_other_machines_are_named_where_a_change_does_not_reach_them() -> None:
    assert elsewhere(FACTS, "a", SAME) == ("the files of other machines stay as they are: b",)
    assert elsewhere(FACTS, "b", SAME) == (
        "the files of other machines stay as they are: a; change the control planes among them as well: a",
    )
    assert elsewhere(ClusterFacts("v1", nodes=FACTS.nodes[:1]), "a", SAME) == ()
    assert elsewhere(None, "a", SAME) == ()
    (said,) = elsewhere(FACTS, "a", "192.0.2.9:6443")
    assert said.endswith("b; workers take 192.0.2.9:6443 when bootstrap join is run there again")
