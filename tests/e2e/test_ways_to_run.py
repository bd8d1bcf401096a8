"""The other ways a node is started: empty, published, on standard input, and failing late."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.node import IMAGE, PREFIX, Node, component, docker, must, until

WAIT_FAILED, PREFLIGHT_FAILED = 6, 4
NOTHING_THERE = "localhost/nothing-there"
WAIT = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
timeouts:
  controlPlaneComponentHealthCheck: {}
"""
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
    until("the node is up", lambda: "running" in node.exec("systemctl", "is-system-running", "--wait").stdout, 60)
    resumed = node.exec("bootstrap", "init")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert node.kubectl("get", "--raw", "/readyz") == "ok"


@pytest.mark.parametrize("start_number", range(3))
def test_a_start_survives_what_is_executed_in_it(start_number: int, start: Start) -> None:
    """Go programs keep their CPU limit's file open, as every kubectl of a CI script does, from the first moment on."""
    node = start(f"busy{start_number}", "node")
    loops = [
        subprocess.Popen(
            ["sh", "-c", f"for i in 1 2 3 4 5 6 7 8; do docker exec {node.name} kubectl version --client; done"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(6)
    ]
    for loop in loops:
        loop.wait(60)
    node.wait_healthy(30)
    node.remove()


def test_an_empty_node_needs_no_network_and_stays_healthy(start: Start) -> None:
    node = start("alone", "node", options=("--privileged", "--network=none"))
    node.wait_healthy(30)
    must(docker("restart", node.name))
    node.wait_healthy(30)
    node.remove()


def test_a_command_of_the_first_moment_waits_for_the_start(start: Start) -> None:
    """`docker run -d … node && docker exec NAME bootstrap init`, as scripts have it."""
    node = start("early", "node")
    made = node.exec("bootstrap", "init", "--wait=api")
    assert made.returncode == 0, made.stdout + made.stderr
    node.remove()


def test_too_little_memory_is_refused_and_what_is_shown_cures_it(start: Start) -> None:
    node = start("small", "init", options=("--privileged", "--memory=300m", "--cpus=1.5"))
    assert node.wait_exit(60) == PREFLIGHT_FAILED, node.logs()
    assert "300 MiB of memory (--memory)" in node.logs()
    assert "1.5 of the" in node.logs()
    must(docker("update", "--memory", "2g", "--memory-swap", "-1", node.name))
    must(docker("start", node.name))
    node.wait_healthy()
    node.remove()


BROKEN = {"a bug": "1 / 0", "a crash": "import os; os.kill(os.getpid(), 11)"}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_bug_ends_the_container_with_1(body: str, start: Start, tmp_path: Path) -> None:
    """A module of the program that fails stands for a bug, or a crash of the interpreter."""
    (tmp_path / "node.py").write_text(f"{body}\n")
    place = "/usr/lib/bootstrap/app/bootstrap/workflows/node.py"
    node = start("bug", "node", options=("--privileged", "-v", f"{tmp_path}/node.py:{place}:ro"))
    assert node.wait_exit(30) == 1, node.logs()
    assert node.logs().count("✗ ") == 1, node.logs()
    node.remove()


@pytest.fixture
def network() -> Iterator[str]:
    name = f"{PREFIX}-net-{os.getpid()}"
    must(docker("network", "create", name))
    yield name
    docker("network", "rm", name)


def test_dns_works_on_a_network_of_the_users_own(network: str, start: Start) -> None:
    """Docker's resolver there is 127.0.0.11, which means something else inside a Pod."""
    node = start("net", "init", options=("--privileged", "--network", network))
    node.wait_healthy(90)
    assert "is up in" in node.logs()
    node.kubectl("-n", "kube-system", "wait", "--for=condition=Available", "deployment/coredns", "--timeout=5s")
    node.remove()


def test_a_late_failure_ends_the_container_when_asked_to(start: Start, tmp_path: Path) -> None:
    """Continuous integration wants an exit code."""
    node = start("late", *late(), "--exit-on-failure", options=late_options(tmp_path))
    assert node.wait_exit(90) == WAIT_FAILED, node.logs()
    assert "waiting does not cure it" in node.logs()
    assert "Traceback" not in node.logs()


def test_a_late_failure_leaves_the_node_up_for_inspection(start: Start, tmp_path: Path) -> None:
    node = start("late", *late(), options=late_options(tmp_path))
    until("the failure is told", lambda: "waiting does not cure it" in node.logs(), 90)
    until(
        "the unit has failed", lambda: node.exec("systemctl", "is-failed", "bootstrap-init.service").returncode == 0, 10
    )
    assert node.state()["Running"]
    unhealthy = node.exec("bootstrap", "healthcheck")
    assert unhealthy.returncode != 0
    assert "failed" in unhealthy.stdout
    log = node.logs()
    assert "Traceback" not in log
    assert NOTHING_THERE in log, "the cause is an image that is not there, and it has to be named"


def test_init_goes_on_once_the_cause_is_gone(start: Start, tmp_path: Path) -> None:
    """The failed node keeps its certificates, and a second init ends in a cluster."""
    file = tmp_path / "config.yaml"
    file.write_text(WAIT.format("1s"))
    node = start("again", "init", "--config", "/config.yaml", options=("--privileged", "-v", f"{file}:/config.yaml:ro"))
    until("the failure is told", lambda: "not within 1 s" in node.logs(), 90)
    authority = node.run("sha256sum", "/etc/kubernetes/pki/ca.crt")
    resumed = node.exec("bootstrap", "init", "--config", "-", stdin=WAIT.format("4m").encode())
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "is up in" in resumed.stdout
    assert node.run("sha256sum", "/etc/kubernetes/pki/ca.crt") == authority
    assert node.exec("bootstrap", "healthcheck").returncode == 0, "the cluster is up, whoever finished it"


def late() -> tuple[str, ...]:
    return ("init", "--config", "/config.yaml", "--image-repository", NOTHING_THERE)


def late_options(folder: Path) -> tuple[str, ...]:
    file = folder / "config.yaml"
    file.write_text(WAIT.format("1m"))  # far more than a slow machine needs until the cause is seen
    return ("--privileged", "-v", f"{file}:/config.yaml:ro")


def test_help_is_printed_without_a_node() -> None:
    helped = must(docker("run", "--rm", IMAGE, "--help"))
    assert "init" in helped
    assert "kubeconfig" in helped
