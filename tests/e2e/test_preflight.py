"""`bootstrap preflight` on real conditions: ports, interfaces, routes, files, runtimes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.node import PREFIX, Node, docker, must, until

PREFLIGHT = 4
"""docs/reference/exit-codes.md"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node without a cluster, for all tests that leave it as it was."""
    found = Node("preflight", "node")
    found.wait_healthy(60)
    yield found
    found.remove()


@pytest.fixture
def network() -> Iterator[Callable[..., str]]:
    """Makes Docker networks that are removed after the test; asked for before `start`, whose nodes go first."""
    made: list[str] = []

    def make(*options: str) -> str:
        made.append(f"{PREFIX}-preflight-{os.getpid()}-{len(made)}")
        must(docker("network", "create", *options, made[-1]))
        return made[-1]

    yield make
    for name in made:
        must(docker("network", "rm", name))


def checked(node: Node, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code of a run, and its document."""
    done = node.exec("bootstrap", "preflight", "-o", "json", *options)
    return done.returncode, json.loads(done.stdout)


def finding(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = [f for f in document["findings"] if f["name"] == name]
    assert found, f"no {name} in {document['findings']}"
    first: dict[str, Any] = found[0]
    return first


def names(document: dict[str, Any]) -> set[str]:
    return {f["name"] for f in document["findings"]}


def test_a_new_node_passes_and_nothing_is_written(node: Node) -> None:
    before = set(node.written("/"))
    code, document = checked(node)
    assert (code, document["ok"]) == (0, True), document
    assert {"Port-*", "EtcdDisk", "Disk", "Inodes"} <= {c["name"] for c in document["checks"] if c["result"] == "ok"}
    assert all(f["fix"] and not f["error"] for f in document["findings"])
    text = node.run("bootstrap", "preflight", "init")
    assert re.search(r"✓ .*NumCPU, Mem", text)
    assert re.search(r"\d+ checks: 0 errors, \d+ warning", text)
    assert set(node.written("/")) == before


def test_a_port_is_told_with_pid_process_and_unit(node: Node, app: Path) -> None:
    must(docker("cp", str(app), f"{node.name}:/usr/local/bin/holder"))
    node.run("systemd-run", "--quiet", "--unit=holder", "/usr/local/bin/holder", "serve", ":10250")
    try:
        until("the port is taken", lambda: "Port-10250" in names(checked(node)[1]), 10)
        pid = node.run("systemctl", "show", "--value", "--property=MainPID", "holder").strip()
        code, document = checked(node)
        assert code == PREFLIGHT
        found = finding(document, "Port-10250")
        assert f"port 10250 is taken by pid {pid}, holder, unit holder.service" in found["message"]
        assert found["fix"] == "systemctl stop holder.service"
        refused = node.exec("bootstrap", "preflight")
        assert refused.returncode == PREFLIGHT
        assert "--ignore-preflight-errors=Port-10250" in refused.stdout
        code, document = checked(node, "--ignore-preflight-errors", "swap,port-10250")
        assert (code, finding(document, "Port-10250")["error"]) == (0, False)
    finally:
        node.run("systemctl", "stop", "holder")
    assert checked(node)[0] == 0


def test_several_interfaces_are_told_with_the_choice(node: Node, network: Callable[..., str]) -> None:
    assert "NetworkInterfaces" not in names(checked(node)[1])
    second = network()
    must(docker("network", "connect", second, node.name))
    try:
        code, document = checked(node)
        message = finding(document, "NetworkInterfaces")["message"]
        chosen = re.search(r"eth0 ([\d.]+), eth1 [\d.]+\): ([\d.]+) of eth0 was chosen", message)
        assert (code, bool(chosen)) == (0, True), message
        assert chosen and chosen[1] == chosen[2]
        code, document = checked(node, "--strict", "--ignore-preflight-errors=SystemVerification,MTU,Swap")
        assert (code, finding(document, "NetworkInterfaces")["error"]) == (PREFLIGHT, True)
        code, document = checked(node, "--apiserver-advertise-address", chosen[1])
        assert "NetworkInterfaces" not in names(document)
    finally:
        must(docker("network", "disconnect", second, node.name))


def test_without_a_default_route_it_is_a_warning(network: Callable[..., str], start: Callable[..., Node]) -> None:
    cut_off = start("cut-off", "node", options=("--privileged", "--network", network("--internal")))
    cut_off.wait_healthy(60)
    code, document = checked(cut_off)
    assert code == 0, document
    assert cut_off.address() in finding(document, "DefaultRoute")["message"]

    cut_off.run("bootstrap", "init")
    by_service = ("kubectl", "--server=https://10.96.0.1", "--tls-server-name=kubernetes", "get", "--raw=/readyz")
    assert cut_off.run(*by_service) == "ok", "the API server reaches webhooks and aggregated APIs by such addresses"
    must(docker("restart", cut_off.name))
    cut_off.wait_healthy()
    assert cut_off.run(*by_service) == "ok"


def test_the_nodes_own_network_is_no_pod_range(network: Callable[..., str], start: Callable[..., Node]) -> None:
    """With name servers, routes and mounts that are not right either: all at once, and nothing is written."""
    options = ("--network", network("--subnet", "10.244.0.0/16"), "--tmpfs", "/opt/cni/bin:noexec")
    inside = start("inside", "node", options=("--privileged", *options))
    inside.wait_healthy(60)
    inside.run("sh", "-c", "echo nameserver 127.0.0.1 >/etc/resolv.conf; echo nameserver 10.96.0.10 >>/etc/resolv.conf")
    before = set(inside.written("/"))
    code, document = checked(inside, "--apiserver-advertise-address", "1.2.3.4")
    overlaps = [f["message"] for f in document["findings"] if f["name"] == "NetworkOverlap"]
    assert (code, len(overlaps)) == (PREFLIGHT, 2), document
    assert f"eth0 has {inside.address()} of the network 10.244.0.0/16" in overlaps[0]
    assert "the name server 10.96.0.10 is in it" in overlaps[1]
    assert "/opt/cni/bin is mounted noexec" in finding(document, "NoExec")["message"]
    assert "the placeholder" in finding(document, "AdvertiseAddress")["message"]
    assert "127.0.0.1, which no Pod reaches: Pods get 10.96.0.10 only" in finding(document, "ResolvConf")["message"]
    assert set(inside.written("/")) == before
    code, document = checked(inside, "--pod-network-cidr=10.42.0.0/16", "--service-cidr=10.43.0.0/16")
    assert "NetworkOverlap" not in names(document)


def test_files_in_the_way_are_told_by_kubeadms_names(node: Node) -> None:
    node.run("mkdir", "-p", "/etc/kubernetes/manifests")
    node.run("touch", "/etc/kubernetes/manifests/kube-scheduler.yaml", "/etc/kubernetes/manifests/old.bak")
    node.run("mkdir", "/var/lib/etcd/member")
    try:
        code, document = checked(node)
        assert code == PREFLIGHT
        errors = {f["name"] for f in document["findings"] if f["error"]}
        assert errors == {"FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml", "DirAvailable--var-lib-etcd"}
        assert "old.bak" in finding(document, "StaticPods")["message"]
    finally:
        node.run("rm", "-r", "/etc/kubernetes", "/var/lib/etcd/member")


def test_a_node_brings_its_runtime_wherever_its_socket_is_to_be(node: Node) -> None:
    code, document = checked(node, "--cri-socket", "unix:///run/elsewhere.sock")
    assert code == 0, document
    assert names(document) & {"CRI", "ContainerRuntimeVersion"} == set()


def test_an_external_etcd_has_to_answer(node: Node) -> None:
    config = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        "etcd:\n  external:\n    endpoints: [http://127.0.0.1:9]\n"
    )
    done = node.exec("bootstrap", "preflight", "-o", "json", "--config", "-", stdin=config.encode())
    assert done.returncode == PREFLIGHT, done.stderr
    assert "http://127.0.0.1:9" in finding(json.loads(done.stdout), "ExternalEtcdVersion")["message"]


def test_what_the_configuration_tells_the_kubelet_decides(node: Node) -> None:
    config = (
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
        "failCgroupV1: true\nresolvConf: /nowhere\n"
    )
    done = node.exec("bootstrap", "preflight", "-o", "json", "--config", "-", stdin=config.encode())
    document = json.loads(done.stdout)
    assert done.returncode == PREFLIGHT, done.stderr
    assert "/nowhere, which does not exist" in finding(document, "ResolvConf")["message"]
    refused = [f for f in document["findings"] if "failCgroupV1: true" in f["message"]]
    on_v1 = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert [f["error"] for f in refused] == [True] * on_v1


def test_proxies_are_told_with_what_they_lack(node: Node) -> None:
    environment = ["HTTPS_PROXY=http://u:hidden@127.0.0.1:3128", f"NO_PROXY={node.address()},10.96.0.0/12"]
    document = json.loads(node.run("env", *environment, "bootstrap", "preflight", "-o", "json"))
    assert "HTTPProxy" not in names(document)
    found = finding(document, "HTTPProxyCIDR")
    assert found["fix"] == f"NO_PROXY={node.address()},10.96.0.0/12,10.244.0.0/16,.svc,.cluster.local"
    assert "hidden" not in json.dumps(document)


def test_an_unknown_verb_is_a_mistake_of_usage(node: Node) -> None:
    assert node.exec("bootstrap", "preflight", "dance").returncode == 2
