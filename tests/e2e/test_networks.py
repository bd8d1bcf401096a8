"""Clusters with networks of other kinds: kube-proxy with iptables, IPv6 alone, and both families."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.e2e.node import PREFIX, Node, docker, must, until
from tests.e2e.test_clusters import answers, bootstrap, ingress
from tests.e2e.web import MANIFEST, ask, both_answer, run_web

IPTABLES = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
"""
RANGES = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking:
  podSubnet: {pods}
  serviceSubnet: {services}
"""
ADVERTISE = """\
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: "%s"}
"""
DUAL = "{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, networking: {ipFamily: dual}}"
SIX = RANGES.format(pods="fd00:10:244::/56", services="fd00:10:96::/112")
LINK, FOUR, NODE = "fd00:77::/64", "192.0.2.0/24", ("192.0.2.7", "fd00:77::7")
_FORWARDING = ("--sysctl", "net.ipv6.conf.all.forwarding=1", "--sysctl", "net.ipv6.conf.default.forwarding=1")
PLACE = ("--ip", NODE[0], "--ip6", NODE[1], *_FORWARDING)
Start = Callable[..., Node]


@pytest.fixture
def network() -> Iterator[str]:
    """With addresses of both families."""
    name = f"{PREFIX}-families-{os.getpid()}"
    must(docker("network", "create", "--ipv6", "--subnet", FOUR, "--subnet", LINK, name))
    yield name
    docker("network", "rm", name)


def made(start: Start, folder: Path, config: str, *options: str) -> Node:
    file = folder / "config.yaml"
    file.write_text(config)
    words = ("--privileged", *options, "-v", f"{file}:/config.yaml:ro")
    node = start("network", "init", "--config", "/config.yaml", options=words)
    node.wait_healthy()
    return node


def test_kube_proxy_with_iptables(start: Start, app_image: str, tmp_path: Path) -> None:
    node = made(start, tmp_path, IPTABLES)
    run_web(node, app_image)
    both_answer(node)
    assert "Using iptables Proxier" in node.kubectl("-n", "kube-system", "logs", "daemonset/kube-proxy")
    node.remove()


def test_ipv6_alone(start: Start, network: str, app_image: str, tmp_path: Path) -> None:
    config = SIX + ADVERTISE % NODE[1]
    node = made(start, tmp_path, config, "--network", network, *PLACE)
    run_web(node, app_image)
    assert all(address.startswith("fd00:10:244:") for address in both_answer(node).values())
    assert ask(node, "lookup", "kubernetes.default").strip() == "fd00:10:96::1"
    node.remove()


def test_both_families_in_a_cluster_of_two_nodes(app_image: str) -> None:
    name = f"{PREFIX}-dual-{os.getpid()}"
    node, policy = Node.found(f"{name}-control-plane"), {"type": "LoadBalancer", "ipFamilyPolicy": "RequireDualStack"}
    try:
        bootstrap("create", name, "--workers", "1", "--config", "-", stdin=DUAL)
        told = [entry["status"]["addresses"] for entry in node.get("nodes")["items"]]
        inside = [[ip_address(a["address"]).version for a in found if a["type"] == "InternalIP"] for found in told]
        assert inside == [[4, 6], [4, 6]]

        bootstrap("load", app_image, "--name", name)
        node.kubectl("apply", "-f", "-", stdin=MANIFEST)
        assert all(address.startswith("10.244.") for address in both_answer(node).values())
        both = [ip["ip"] for ip in node.get("pod", "client")["status"]["podIPs"]]
        assert len(both) == 2 and both[1].startswith("fd00:10:244:")
        node.kubectl("patch", "service", "web", "--patch", json.dumps({"spec": policy}))
        addresses = node.get("service", "web")["spec"]["clusterIPs"]
        assert ask(node, "get", f"http://[{addresses[1]}]/").startswith("web-")
        given = until("two addresses", lambda: ingress(node) if len(ingress(node)) == 2 else None)
        assert sorted(ip_address(address).version for address in given) == [4, 6]
        for address in given:
            until(f"{address} answers", partial(answers, address), 60)
    finally:
        bootstrap("delete", name)
