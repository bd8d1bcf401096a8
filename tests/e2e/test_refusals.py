"""Bad input: one clear error, the documented exit code as the container's, and nothing half written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.node import Node, docker, must, until

USAGE, CONFIG, PREFLIGHT, CONFLICT = 2, 3, 4, 8
"""docs/reference/exit-codes.md"""
CLUSTER_FILES = (
    "/etc/kubernetes",
    "/etc/systemd/system/kubelet",
    "/etc/containerd",
    "/etc/cni/net.d/",
    "/var/log/kube",
)
VOLUMES = ("/var/lib/etcd", "/var/lib/kubelet")
HEAD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
Start = Callable[..., Node]

FILES = {
    "broken YAML": (HEAD + "networking: [\n", "not YAML"),
    "unknown field": (HEAD + "networking:\n  podSubnets: 10.9.0.0/16\n", "podSubnet"),
    "unknown version of the API": (HEAD.replace("v1beta4", "v1beta9"), "kubeadm.k8s.io/v1beta4"),
    "several problems": (HEAD + "kubernetesVersion: v1.30.0\nnetworking:\n  podSubnet: banana\n", "2 problems"),
    "empty": ("", "no document"),
}
FLAGS = {
    "overlapping networks": (["--pod-network-cidr", "10.96.0.0/16"], CONFIG, "overlaps"),
    "a version not carried": (["--kubernetes-version", "v1.30.0"], CONFIG, "v1.37.0"),
    "unknown flag": (["--frobnicate"], USAGE, "--frobnicate"),
    "stray argument": (["more"], USAGE, "more"),
    "a file that is missing": (["--config", "/nowhere.yaml"], CONFIG, "/nowhere.yaml"),
    "unknown wait": (["--wait", "forever"], USAGE, "api, node or dns"),
}


def assert_refused(node: Node, code: int, says: str) -> str:
    """One error, a way out, the exit code, no traceback and no file of a cluster."""
    seen = node.wait_exit()
    text = node.logs()
    assert seen == code, text
    assert text.count("✗ ") == (2 if "✗ Preflight" in text else 1), text
    assert says in text
    assert "next" in text, text
    assert "Traceback" not in text, text
    assert_nothing_written(node)
    return text


def assert_nothing_written(node: Node, *more: str) -> None:
    """No file of a cluster, in the container or in its volumes."""
    assert node.written(*CLUSTER_FILES, *more) == []
    for volume in VOLUMES:
        assert node.listed(volume) == [Path(volume).name + "/"]


@pytest.mark.parametrize("case", FILES)
def test_bad_configuration_ends_the_container_with_3(case: str, start: Start, tmp_path: Path) -> None:
    content, says = FILES[case]
    file = tmp_path / "config.yaml"
    file.write_text(content)
    mount = f"{file}:/config.yaml:ro"
    node = start("refused", "init", "--config", "/config.yaml", options=("--privileged", "-v", mount))
    assert_refused(node, CONFIG, says)


@pytest.mark.parametrize("case", FLAGS)
def test_bad_flags_end_the_container(case: str, start: Start) -> None:
    words, code, says = FLAGS[case]
    assert_refused(start("refused", "init", *words), code, says)


def test_without_privileges_it_says_how_to_get_them(start: Start) -> None:
    assert_refused(start("refused", "init", options=()), PREFLIGHT, "docker run -d --privileged")


def test_a_taken_port_is_named_with_its_holder(start: Start, app: Path) -> None:
    node = start("taken", "node")
    node.wait_healthy(60)
    before = set(node.written("/etc/kubernetes", "/etc/systemd/system/kubelet"))
    must(docker("cp", str(app), f"{node.name}:/usr/local/bin/holder"))
    must(docker("exec", "-d", node.name, "holder", "serve", ":6443"))
    until("the port is taken", lambda: node.exec("holder", "get", "http://127.0.0.1:6443/").returncode == 0, 10)
    refused = node.exec("bootstrap", "init")
    text = refused.stdout + refused.stderr
    assert refused.returncode == PREFLIGHT, text
    assert re.search(r"\[Port-6443\] port 6443 is taken by pid \d+, holder", text)
    assert "--apiserver-bind-port" in text
    assert "Traceback" not in text
    assert set(node.written("/etc/kubernetes", "/etc/systemd/system/kubelet")) == before
    assert node.listed("/var/lib/etcd") == ["etcd/"]
    elsewhere = node.exec("bootstrap", "init", "--apiserver-bind-port", "7443", "--dry-run")
    assert elsewhere.returncode == 0, elsewhere.stderr


def test_a_taken_port_ends_the_container(start: Start) -> None:
    """Another container's network, in which something listens already."""
    listen = "import socket, time; s = socket.create_server(('', 6443)); time.sleep(600)"
    other = start("listens", "-c", listen, options=("--entrypoint", "python3"))
    until("it listens", lambda: ":192B" in other.exec("cat", "/proc/net/tcp").stdout, 10)
    node = start("joined", "init", options=("--privileged", "--network", f"container:{other.name}"))
    assert_refused(node, PREFLIGHT, "[Port-6443] port 6443 is taken")


def test_a_missing_cgroup_controller_is_named(start: Start) -> None:
    """The kernel's list of controllers is covered by one without memory, as a kernel command line can have it."""
    node = start("controllers", "node")
    node.wait_healthy(60)
    before = set(node.written("/etc/kubernetes", "/etc/systemd/system/kubelet"))
    cover = (
        "set -e; if test -e /sys/fs/cgroup/cgroup.controllers; then list=/sys/fs/cgroup/cgroup.controllers;"
        " sed 's/memory//' $list >/tmp/list; else list=/proc/cgroups; sed '/^memory/s/1$/0/' $list >/tmp/list; fi;"
        " mount --bind /tmp/list $list"
    )
    must(node.exec("sh", "-c", cover))
    refused = node.exec("bootstrap", "init")
    text = refused.stdout + refused.stderr
    assert refused.returncode == PREFLIGHT, text
    assert "[SystemVerification]" in text and "memory" in text
    assert "next" in text and "Traceback" not in text
    assert set(node.written("/etc/kubernetes", "/etc/systemd/system/kubelet")) == before


def test_all_problems_of_a_file_are_told_at_once(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FILES["several problems"][0])
    node = start("refused", "init", "--config", "/c.yaml", options=("--privileged", "-v", f"{file}:/c.yaml:ro"))
    text = assert_refused(node, CONFIG, "ClusterConfiguration.networking.podSubnet")
    assert "ClusterConfiguration.kubernetesVersion" in text


def test_dry_run_prints_the_plan_and_writes_nothing(start: Start) -> None:
    node = start("dry", "init", "--dry-run", options=())
    assert node.wait_exit() == 0, node.logs()
    text = node.logs()
    assert "nothing was written" in text
    assert re.search(r"file /etc/kubernetes/manifests/kube-apiserver\.yaml .*: new", text)
    assert_nothing_written(node, "/etc/bootstrap")


def test_dry_run_as_json_is_nothing_but_json(start: Start) -> None:
    node = start("dry", "init", "--dry-run", "-o", "json", options=())
    assert node.wait_exit() == 0, node.logs()
    steps = json.loads(must(docker("logs", node.name)))["steps"]
    ids = {step["id"] for step in steps}
    assert {"certs/ca", "kubeconfig/admin", "etcd/local", "control-plane/apiserver"} <= ids
    assert all(set(step["after"]) <= ids for step in steps)
    assert_nothing_written(node, "/etc/bootstrap")
