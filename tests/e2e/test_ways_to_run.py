"""The other ways a node is started: empty, published, on standard input, and failing late."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from node import IMAGE, Node, component, docker, must, until

WAIT_FAILED = 6
NOTHING_THERE = "localhost/nothing-there"
SHORT = (
    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\ntimeouts:\n  controlPlaneComponentHealthCheck: 8s\n"
)
CUSTOM = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  name: custom
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: e2e
networking:
  podSubnet: 10.55.0.0/16
  serviceSubnet: 10.66.0.0/16
"""
Start = Callable[..., Node]


def test_an_empty_node_becomes_a_cluster_that_is_used_from_outside(start: Start, tmp_path: Path) -> None:
    node = start("empty", "node", options=("--privileged", "-p", "127.0.0.1::6443"))
    node.wait_healthy(60)
    assert node.exec("test", "-e", "/etc/kubernetes/admin.conf").returncode == 1
    none_yet = node.exec("bootstrap", "kubeconfig")
    assert none_yet.returncode == 8, none_yet.stderr
    assert "bootstrap init" in none_yet.stderr

    made = must(docker("exec", "-i", node.name, "bootstrap", "init", "--config", "-", stdin=CUSTOM.encode()))
    assert "is up in" in made
    port = must(docker("port", node.name, "6443/tcp")).split(":")[-1].strip()
    server = f"https://127.0.0.1:{port}"
    file = tmp_path / "kubeconfig"
    file.write_text(node.run("bootstrap", "kubeconfig", "--server", server))
    kubectl = tmp_path / "kubectl"
    kubectl.symlink_to(component("hyperkube", "hyperkube"))
    argv = [kubectl, f"--kubeconfig={file}", "get", "nodes,services", "-A", "-o", "json"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    items = {(item["kind"], item["metadata"]["name"]): item for item in json.loads(done.stdout)["items"]}
    assert items["Node", "custom"]["spec"]["podCIDR"].startswith("10.55.")
    assert items["Service", "kubernetes"]["spec"]["clusterIP"] == "10.66.0.1"

    must(docker("restart", node.name))
    node.wait_healthy(60)
    until("the API again, nobody asked", lambda: "ok" in node.kubectl("get", "--raw", "/readyz"), 60)


def test_a_late_failure_ends_the_container_when_asked_to(start: Start, tmp_path: Path) -> None:
    """Continuous integration wants an exit code."""
    node = start("late", *late(), "--exit-on-failure", options=late_options(tmp_path))
    assert node.wait_exit(90) == WAIT_FAILED, node.logs()
    assert "not within 8 s" in node.logs()
    assert "Traceback" not in node.logs()


def test_a_late_failure_leaves_the_node_up_for_inspection(start: Start, tmp_path: Path) -> None:
    node = start("late", *late(), options=late_options(tmp_path))
    until("the failure is told", lambda: "not within 8 s" in node.logs(), 90)
    until(
        "the unit has failed", lambda: node.exec("systemctl", "is-failed", "bootstrap-init.service").returncode == 0, 10
    )
    assert node.state()["Running"]
    unhealthy = node.exec("bootstrap", "healthcheck")
    assert unhealthy.returncode != 0
    assert "bootstrap-init.service is failed" in unhealthy.stdout
    log = node.logs()
    assert "Traceback" not in log
    assert NOTHING_THERE in log, "the cause is an image that is not there, and it has to be named"


def late() -> tuple[str, ...]:
    return ("init", "--config", "/config.yaml", "--image-repository", NOTHING_THERE)


def late_options(folder: Path) -> tuple[str, ...]:
    file = folder / "config.yaml"
    file.write_text(SHORT)
    return ("--privileged", "-v", f"{file}:/config.yaml:ro")


def test_help_is_printed_without_a_node() -> None:
    helped = must(docker("run", "--rm", IMAGE, "--help"))
    assert "init" in helped
    assert "kubeconfig" in helped
