"""API objects and add-ons."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.model.cluster import ApiEndpoint, BootstrapConfig, BootstrapToken, ClusterConfig, NodeSpec
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import HostFacts
from bootstrap.render.addons import builtin
from bootstrap.render.cluster import objects
from tests.configs import changed

CFG = ClusterConfig(node=NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))
FACTS = HostFacts(mode="node", hostname="n1")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
FOLDER = Path(__file__).parents[3] / "manifests"
MANIFESTS = {str(p.relative_to(FOLDER)): p.read_text() for p in FOLDER.rglob("*.yaml")}


def find(bodies: tuple[dict[str, Any], ...], kind: str) -> dict[str, Any]:
    return next(b for b in bodies if b["kind"] == kind)


def test_every_object_can_be_applied() -> None:
    token = BootstrapToken("abcdef.0123456789abcdef")
    everything = (
        objects.cluster_admins(),
        *objects.kubeadm_config({"kind": "ClusterConfiguration"}),
        *objects.kubelet_config(CFG),
        *objects.bootstrap_rbac(),
        objects.token_secret(token, NOW),
        objects.node_marks(CFG),
        *builtin.kube_proxy(CFG, FACTS, MANIFESTS, {}),
        *builtin.coredns(CFG, FACTS, MANIFESTS, {}),
        *builtin.flannel(CFG, FACTS, MANIFESTS),
    )
    identities = [
        (b["apiVersion"], b["kind"], b["metadata"].get("namespace"), b["metadata"]["name"]) for b in everything
    ]
    assert len(set(identities)) == len(everything)
    assert "resourceVersion" not in str(everything) and "${" not in str(everything)


@pytest.mark.parametrize(
    ("token", "expiration"),
    [
        (BootstrapToken("abcdef.0123456789abcdef", ttl=3600), "2026-05-01T01:00:00Z"),
        (BootstrapToken("abcdef.0123456789abcdef", ttl=0), None),
        (BootstrapToken("abcdef.0123456789abcdef", expires="2030-01-01T00:00:00Z"), "2030-01-01T00:00:00Z"),
    ],
)
def test_token_secret(token: BootstrapToken, expiration: str | None) -> None:
    secret = objects.token_secret(replace(token, usages=("signing",), description="mine"), NOW)
    data = {k: b64decode(v).decode() for k, v in secret["data"].items()}
    assert data.pop("expiration", None) == expiration
    assert data == {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "description": "mine",
        "usage-bootstrap-signing": "true",
        "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
    }


def test_only_generated_configuration_is_signed() -> None:
    assert objects.HASH_ANNOTATION in objects.kubelet_config(CFG)[0]["metadata"]["annotations"]
    assert "annotations" not in objects.kubelet_config(changed(CFG, kubelet={"maxPods": 9}))[0]["metadata"]


def test_kube_proxy_configuration() -> None:
    facts = replace(FACTS, conntrack_writable=False)
    assert builtin.proxy_configuration(CFG, facts)["conntrack"] == {"maxPerCore": 0}
    assert builtin.proxy_configuration(CFG, FACTS)["mode"] == "nftables"
    cfg = changed(CFG, kube_proxy={"mode": "iptables"}, advertise_address="fd00::1")
    found = builtin.proxy_configuration(cfg, FACTS)
    assert (found["mode"], found["bindAddress"]) == ("iptables", "::")


def test_kube_proxy_restarts_for_another_endpoint() -> None:
    def annotation(cfg: ClusterConfig) -> str:
        template = find(builtin.kube_proxy(cfg, FACTS, MANIFESTS, {}), "DaemonSet")["spec"]["template"]
        found: str = template["metadata"]["annotations"]["bootstrap/config-hash"]
        return found

    assert annotation(CFG) == annotation(changed(CFG, cluster_name="x"))
    assert annotation(CFG) != annotation(changed(CFG, advertise_address="192.0.2.11"))


def test_kube_proxy_keeps_kubernetes_own_placeholder_and_takes_proxies() -> None:
    facts = replace(FACTS, proxies={"no_proxy": "x"})
    pod = find(builtin.kube_proxy(CFG, facts, MANIFESTS, {}), "DaemonSet")["spec"]["template"]["spec"]
    assert "--hostname-override=$(NODE_NAME)" in pod["containers"][0]["command"]
    assert {"name": "no_proxy", "value": "x"} in pod["containers"][0]["env"]


def test_addons_can_be_left_out() -> None:
    cfg = changed(CFG, proxy_disabled=True, dns_disabled=True, own=BootstrapConfig(cni="none"))
    assert not builtin.kube_proxy(cfg, FACTS, MANIFESTS, {})
    assert not builtin.coredns(cfg, FACTS, MANIFESTS, {})
    assert not builtin.flannel(cfg, FACTS, MANIFESTS)


def test_addon_patches() -> None:
    patches = {
        "corednsdeployment.yaml": b"spec: {replicas: 5}",
        "kubeproxydaemonset.yaml": b"spec: {minReadySeconds: 3}",
    }
    assert find(builtin.coredns(CFG, FACTS, MANIFESTS, patches), "Deployment")["spec"]["replicas"] == 5
    assert find(builtin.kube_proxy(CFG, FACTS, MANIFESTS, patches), "DaemonSet")["spec"]["minReadySeconds"] == 3


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("10.1.0.0/16", {"Network": "10.1.0.0/16"}),
        ("fd00::/48,10.1.0.0/16", {"Network": "10.1.0.0/16", "EnableIPv6": True, "IPv6Network": "fd00::/48"}),
        ("fd00::/48", {"EnableIPv4": False, "EnableIPv6": True, "IPv6Network": "fd00::/48"}),
    ],
)
def test_flannel_network(subnet: str, expected: dict[str, Any]) -> None:
    cfg = changed(CFG, networking=replace(CFG.cluster.networking, pod_subnet=subnet))
    config = find(builtin.flannel(cfg, FACTS, MANIFESTS), "ConfigMap")["data"]
    network = json.loads(config["net-conf.json"])
    assert network == {"EnableNFTables": True, "Backend": {"Type": "vxlan"}, **expected}
    assert json.loads(config["cni-conf.json"])["cniVersion"] == "0.3.1"


def test_flannel_without_a_network_says_so() -> None:
    with pytest.raises(BootstrapError, match="no Pod network"):
        builtin.flannel(changed(CFG, networking=replace(CFG.cluster.networking, pod_subnet="")), FACTS, MANIFESTS)


def test_flannel_goes_straight_to_the_api_server() -> None:
    cfg = changed(CFG, advertise_address="fd00::1")
    pod = find(builtin.flannel(cfg, FACTS, MANIFESTS), "DaemonSet")["spec"]["template"]["spec"]
    env = {e["name"]: e.get("value") for e in pod["containers"][0]["env"]}
    assert (env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]) == ("fd00::1", "6443")


def test_corefile_has_the_domain() -> None:
    cfg = changed(
        CFG, networking=replace(CFG.cluster.networking, dns_domain="blue.example", service_subnet="172.30.0.0/16")
    )
    bodies = builtin.coredns(cfg, FACTS, MANIFESTS, {})
    assert "kubernetes blue.example in-addr.arpa" in find(bodies, "ConfigMap")["data"]["Corefile"]
    assert find(bodies, "Service")["spec"]["clusterIP"] == "172.30.0.10"


def test_a_placeholder_that_nobody_fills_is_an_error() -> None:
    with pytest.raises(KeyError):
        builtin.coredns(CFG, FACTS, {"coredns/x.yaml": "kind: ${NOBODY}"}, {})


def test_manifests_are_plain_yaml() -> None:
    for text in MANIFESTS.values():
        assert all(isinstance(body, dict) for body in yaml.safe_load_all(text))
