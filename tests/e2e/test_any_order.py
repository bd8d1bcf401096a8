"""A worker that is started before its cluster, and Services by name across both, while no packet leaves the two.

The tests share the two machines and come in the order of their life.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.e2e.node import IMAGE, PREFIX, Node, docker, must, until
from tests.e2e.wall import NOTHING, RULES, tried
from tests.e2e.web import docker_save

SUBNET, API, TOKEN = "198.51.100.0/24", "198.51.100.10", "abcdef.0123456789abcdef"
SHARED, ADD_SHARED = "198.51.100.100", "bootstrap init --reconfigure --upload-certs --control-plane-endpoint"
CONFIG = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{{token: {TOKEN}}}]
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
workloadsOnControlPlane: true
"""
JOIN = ("join", f"{API}:6443", "--token", TOKEN, "--discovery-token-unsafe-skip-ca-verification")


WAITS = r"waiting for \d+ s: a cluster to join: "
PODS = """\
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web}}
  ports: [{{port: 80}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: on-late, labels: {{app: web}}}}
spec:
  nodeName: late
  containers: [{{name: web, image: "{image}", imagePullPolicy: Never, args: [serve, ":80"]}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: on-early, labels: {{app: web}}}}
spec:
  nodeName: early
  containers: [{{name: web, image: "{image}", imagePullPolicy: Never, args: [serve, ":80"]}}]
"""
Pair = tuple[Node, Node]
"""The control plane and the worker."""


def walled(name: str, *words: str, options: tuple[str, ...]) -> Node:
    """Whose packets get no further than the network that it shares with the other."""
    node = Node(name, *words, options=("--privileged", "--hostname", name, *options))
    rules = RULES.replace("    ip daddr 224.", f"    ip daddr {SUBNET} accept\n    ip daddr 224.")
    node.run("nft", "-f", "-", stdin=rules.encode())
    return node


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    config = tmp_path_factory.mktemp("in") / "config.yaml"
    config.write_text(CONFIG)
    network = f"{PREFIX}-any-order-{os.getpid()}"
    must(docker("network", "create", "--subnet", SUBNET, network))
    made: list[Node] = []
    try:
        worker = walled("early", *JOIN, options=("--network", network))
        made.append(worker)
        until("it says what it waits for", lambda: re.search(WAITS, worker.logs()))
        at = ("--network", network, "--ip", API, "-v", f"{config}:/config.yaml:ro")
        first = walled("late", "init", "--config", "/config.yaml", options=at)
        made.append(first)
        first.wait_healthy()
        worker.wait_healthy()
        yield first, worker
    finally:
        for node in made:
            node.remove()
        docker("network", "rm", network)


def test_both_are_nodes(pair: Pair) -> None:
    first, _ = pair
    nodes = first.get("nodes")["items"]
    ready = {
        n["metadata"]["name"]: c["status"] for n in nodes for c in n["status"]["conditions"] if c["type"] == "Ready"
    }
    assert ready == {"late": "True", "early": "True"}


def test_a_service_is_reached_by_name_from_each_node_on_each(pair: Pair, app_image: str) -> None:
    for node in pair:
        node.run("bootstrap", "images", "load", "-", stdin=docker_save(app_image))
    first, _ = pair
    first.kubectl("apply", "-f", "-", stdin=PODS.format(image=app_image).encode())
    pods = ["on-late", "on-early"]
    first.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *(f"pod/{pod}" for pod in pods))
    for pod in pods:
        asked = ("exec", pod, "--", "/app", "get", "http://web/")
        until(f"{pod} reaches both", lambda asked=asked: {first.kubectl(*asked).strip() for _ in range(6)} == set(pods))


def test_an_address_that_control_planes_can_share_comes_later(pair: Pair) -> None:
    """Until then none can join; a worker goes with the cluster when it is asked to join again."""
    first, worker = pair
    once = ("run", "--rm", "--network", f"container:{worker.name}", IMAGE, *JOIN, "--control-plane", "--dry-run")
    refused = docker(*once)
    assert (refused.returncode, ADD_SHARED in refused.stderr) == (8, True), refused.stderr

    first.run("ip", "address", "add", f"{SHARED}/24", "dev", "eth0")
    said = first.run("bootstrap", *ADD_SHARED.split()[1:], f"{SHARED}:6443", timeout=180)
    assert f"early; workers take {SHARED}:6443" in said
    assert f"bootstrap join {SHARED}:6443 " in said and "--certificate-key" in said

    assert "nothing changed" not in worker.run("bootstrap", "join", timeout=180)
    assert f"server: https://{SHARED}:6443" in worker.run("cat", "/etc/kubernetes/kubelet.conf")
    assert "nothing changed" in worker.run("bootstrap", "join")
    test_both_are_nodes(pair)


def test_not_one_packet_tried_to_leave(pair: Pair) -> None:
    for node in pair:
        assert tried(lambda script, node=node: node.run("sh", "-c", script)) == NOTHING
