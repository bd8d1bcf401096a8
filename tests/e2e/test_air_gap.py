"""A cluster behind a wall: made from a bundle, used and cleaned up, while not one packet tries to leave.

The tests share one node and come in the order of its life.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.node import IMAGE, Node, docker, must, until
from tests.e2e.wall import NOTHING, RESET, RULES, tried

SOCKET = "/var/run/docker.sock"
BUNDLE = ("--bundle", "/in/app.bundle", "--trusted-key", "/in/key.pub")


@pytest.fixture(scope="module")
def bundle(app_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with app.bundle (the images inside and the tests' own) and key.pub."""
    folder = tmp_path_factory.mktemp("in")
    product = ("run", "--rm", "-v", f"{folder}:/out", "-v", f"{SOCKET}:{SOCKET}", IMAGE, "bundle")
    must(docker(*product, "keygen", "/out/key"))
    words = ("--from", "seed", "--from", "docker", "--image", app_image, "--key", "/out/key")
    must(docker(*product, "create", *words, "--file", "/out/app.bundle", timeout=300))
    return folder


@pytest.fixture(scope="module")
def node(bundle: Path) -> Iterator[Node]:
    """An empty node that nothing leaves, before anything else is done in it."""
    made = Node("wall", "node", options=("--privileged", "-v", f"{bundle}:/in:ro"))
    made.wait_healthy()
    made.run("nft", "-f", "-", stdin=RULES.encode())
    yield made
    made.remove()


def sh(node: Node, script: str) -> str:
    return node.run("sh", "-c", script)


def test_the_wall_holds_and_counts(node: Node) -> None:
    """A wall that counts nothing would prove nothing."""
    assert tried(lambda script: sh(node, script)) == NOTHING
    node.exec("python3", "-c", "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('10.96.0.1', 443))")
    counted = tried(lambda script: sh(node, script))
    assert (counted["services"], counted["others"]) == (1, 0)
    assert counted["seen"] == [["10.96.0.1", "udp", 443]]
    sh(node, RESET)


def test_a_cluster_comes_up_from_a_bundle(node: Node, app_image: str) -> None:
    node.run("bootstrap", "init", *BUNDLE, timeout=300)
    node.kubectl("create", "deployment", "web", f"--image={app_image}", "--", "/app", "serve", ":80")
    node.kubectl("expose", "deployment", "web", "--port=80")
    node.kubectl("run", "client", f"--image={app_image}", "--", "serve", ":80")
    node.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
    node.kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=60s")
    answered = until("the Service answers", lambda: node.kubectl("exec", "client", "--", "/app", "get", "http://web/"))
    assert answered.startswith("web-")


def test_the_images_garbage_collection_leaves_what_came_with_the_bundle(node: Node, app_image: str) -> None:
    node.run("crictl", "rmi", "--prune")
    left = json.loads(node.run("crictl", "images", "-o", "json"))["images"]
    names = {tag.rpartition("/")[2].partition(":")[0] for image in left for tag in image["repoTags"]}
    assert {"pause", "etcd", "kube-apiserver", app_image.partition(":")[0]} <= names
    assert all(image["pinned"] for image in left)
    node.kubectl("run", "after", f"--image={app_image}", "--", "serve", ":80")
    node.kubectl("wait", "pod/after", "--for=condition=Ready", "--timeout=60s")


def test_not_one_packet_tried_to_leave(node: Node) -> None:
    assert tried(lambda script: sh(node, script)) == NOTHING
