"""What is ours is where kubeadm finds it when it writes static Pods and the kubelet's configuration anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from bootstrap.config import to_cluster_configuration, to_stored
from bootstrap.model import names
from bootstrap.model.cluster import (
    ApiEndpoint,
    Arg,
    BootstrapConfig,
    ClusterConfig,
    Component,
    ExternalEtcd,
    LocalEtcd,
    NodeSpec,
    Volume,
)
from bootstrap.model.facts import Address, HostFacts
from bootstrap.render.controlplane.own import stored
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.render.node.kubelet import cluster_configuration, kubelet_files, overlaid
from tests.configs import changed

CFG = ClusterConfig(node=NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))
HOST = HostFacts(mode="host", hostname="n1")
NODE = HostFacts(mode="node", hostname="n1", cgroup_version=1, swap=("/dev/sda2",))


def kept(cfg: ClusterConfig, facts: HostFacts) -> dict[str, Any]:
    """What kubeadm-config has of each component."""
    document = to_cluster_configuration(stored(cfg, facts))
    found = {
        "kube-apiserver": document["apiServer"],
        "kube-controller-manager": document["controllerManager"],
        "kube-scheduler": document["scheduler"],
        "etcd": document["etcd"].get("local", {}),
    }
    return {
        name: {
            "args": {f"--{a['name']}={a['value']}" for a in settings.get("extraArgs", ())},
            "envs": {e["name"]: e.get("value") for e in settings.get("extraEnvs", ())},
            "volumes": {v["name"]: v["hostPath"] for v in settings.get("extraVolumes", ())},
        }
        for name, settings in found.items()
    }


@pytest.mark.parametrize("facts", [HOST, NODE], ids=["host", "node"])
def test_what_is_stored_is_what_the_static_pods_have(facts: HostFacts) -> None:
    found = kept(CFG, facts)

    for file in static_pods(CFG, facts, {}):
        pod = yaml.safe_load(file.content)
        container, own = pod["spec"]["containers"][0], found[pod["metadata"]["name"]]
        assert own["args"] <= set(container["command"])
        assert own["envs"] == {e["name"]: e["value"] for e in container.get("env", ())}
        assert own["volumes"].items() <= {v["name"]: v["hostPath"]["path"] for v in pod["spec"]["volumes"]}.items()
    assert "--profiling=false" in found["kube-scheduler"]["args"]
    assert {"--kube-api-qps=300", "--profiling=false"} <= found["kube-controller-manager"]["args"]
    assert f"--audit-policy-file={names.AUDIT_POLICY}" in found["kube-apiserver"]["args"]
    assert found["kube-apiserver"]["volumes"]["audit-policy"] == names.AUDIT_POLICY
    assert ("--election-timeout=500" in found["etcd"]["args"]) == (facts is NODE)


def test_the_user_wins_and_hardening_can_be_off() -> None:
    volume = Volume("audit-policy", "/srv/policy.yaml", "/srv/policy.yaml", True, "File")
    mine = Component(
        (Arg("profiling", "true"), Arg("audit-policy-file", "/srv/policy.yaml")),
        ({"name": "GOGC", "value": "50"},),
        (volume,),
    )
    cfg = changed(CFG, api_server=mine, etcd=LocalEtcd(extra_args=(Arg("heartbeat-interval", "200"),)))
    found = kept(cfg, NODE)

    args = found["kube-apiserver"]["args"]
    assert "--profiling=true" in args and "--profiling=false" not in args
    assert "--audit-policy-file=/srv/policy.yaml" in args
    assert found["kube-apiserver"]["volumes"] == {
        "audit-policy": "/srv/policy.yaml",
        "audit-log": names.AUDIT_LOG_DIR,
    }
    assert found["kube-apiserver"]["envs"] == {"GOGC": "50"}
    assert found["etcd"]["args"] == {"--heartbeat-interval=200"}
    bare = kept(replace(CFG, own=BootstrapConfig(hardening=False)), HOST)
    assert not bare["kube-apiserver"]["args"] and not bare["kube-scheduler"]["args"]


def test_an_external_etcd_is_left_alone() -> None:
    cfg = changed(CFG, etcd=ExternalEtcd(("https://192.0.2.20:2379",)))

    assert stored(cfg, NODE).cluster.etcd == cfg.cluster.etcd


def test_the_state_of_the_next_run_stays_the_users() -> None:
    assert "audit" not in to_stored(CFG) and "GOGC" not in to_stored(CFG)


@pytest.mark.parametrize("facts", [HOST, NODE, replace(HOST, resolved_active=True)])
def test_shared_and_instance_configuration_make_the_nodes(facts: HostFacts) -> None:
    """kubeadm merges instance-config.yaml into the kubelet-config of the cluster."""
    facts = replace(facts, addresses=(Address("eth0", "192.0.2.10", True),))
    files = {f.path: yaml.safe_load(f.content) for f in kubelet_files(CFG, facts, {}) if f.path.endswith(".yaml")}

    merged = overlaid(cluster_configuration(CFG), files[names.KUBELET_INSTANCE_CONFIG])
    assert merged == files[names.KUBELET_CONFIG]


def test_a_patch_decides_what_the_instance_keeps() -> None:
    patches = {"kubeletconfiguration.yaml": b"failSwapOn: true\nimageGCHighThresholdPercent: null\n"}
    files = {f.path: f.content for f in kubelet_files(CFG, NODE, patches)}
    instance = yaml.safe_load(files[names.KUBELET_INSTANCE_CONFIG])

    assert instance["failSwapOn"] is True
    assert "imageGCHighThresholdPercent" not in instance


def test_what_the_user_wrote_for_all_nodes_is_not_pinned_to_this_one() -> None:
    cfg = changed(CFG, kubelet={"failSwapOn": True, "evictionHard": {"memory.available": "1%"}})
    files = {f.path: f.content for f in kubelet_files(cfg, NODE, {})}

    assert not {"failSwapOn", "evictionHard"} & set(yaml.safe_load(files[names.KUBELET_INSTANCE_CONFIG]))
