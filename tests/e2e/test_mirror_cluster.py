"""A whole cluster under upstream's names from a flat mirror, on a node that has no image at all.

What the mirror serves are our own builds, under the names and tags that upstream's images have.
The tests share one node and come in the order of its life.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.node import IMAGE, Node, docker, must, until
from tests.registry.samples import Image, from_bundle, push
from tests.registry.servers import RegistryServer

CATALOG = Path(__file__).parents[2] / "images" / "catalog.yaml"
NO_SEED = "/usr/lib/bootstrap/seed/io.containerd.metadata.v1.bolt"
"""Covered, the images inside are not to be seen."""
SPACE = "team/k8s"
RULES = {"prefix": SPACE, "flatten": True, "plainHTTP": True}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """Our own builds by the names of the upstream images that they stand for; a bundle has those that `init` needs."""
    folder = tmp_path_factory.mktemp("out")
    words = ("run", "--rm", "-v", f"{folder}:/out", IMAGE, "bundle", "create", "--file", "/out/seed.bundle")
    must(docker(*words, timeout=300))
    built = from_bundle(folder / "seed.bundle")
    catalog = yaml.safe_load(CATALOG.read_text())
    known = catalog["minors"][catalog["default"]]["images"].values()
    upstream = {f"{catalog['repository']}/{entry['name']}:{entry['tag']}": entry["upstream"] for entry in known}
    return {upstream[name]: image for name, image in built.items() if upstream[name]}


@pytest.fixture(scope="module")
def mirror(
    gateway: str, images: dict[str, Image], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryServer]:
    """One word for each image, whatever registry it is from."""
    server = RegistryServer(tmp_path_factory.mktemp("mirror") / "registry", address=gateway)
    for name, image in images.items():
        repository, _, tag = name.rpartition("/")[2].partition(":")
        push(server, f"{SPACE}/{repository}", tag, image)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def node(mirror: RegistryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Without images; /rules.yaml leads to the mirror and nowhere else, /tls.yaml does not allow it plain HTTP."""
    options = ["--privileged", f"--tmpfs={NO_SEED}"]
    for file, endpoint in (
        ("rules.yaml", {"server": mirror.host, **RULES}),
        ("tls.yaml", {"server": mirror.host, **RULES, "plainHTTP": False}),
    ):
        registries = [{"registry": name, "endpoints": [endpoint]} for name in ("registry.k8s.io", "ghcr.io")]
        path = tmp_path_factory.mktemp("rules") / file
        path.write_text(yaml.safe_dump({"offline": True, "registries": registries}))
        options += ["-v", f"{path}:/{file}:ro"]
    made = Node("mirror", "node", options=options)
    made.wait_healthy()
    yield made
    made.remove()


def on(node: Node) -> dict[str, bool]:
    """Names of the images that CRI shows, and whether each is pinned."""
    listed = json.loads(node.run("crictl", "images", "-o", "json"))["images"]
    return {tag: bool(image.get("pinned")) for image in listed for tag in image["repoTags"]}


def test_plain_http_has_to_be_said(node: Node) -> None:
    assert on(node) == {}
    done = node.exec("bootstrap", "images", "pull", "registry.k8s.io/pause:3.10.2", "--mirrors", "/tls.yaml")

    assert done.returncode == 5, done.stdout + done.stderr
    assert "plainHTTP: true" in done.stderr
    assert on(node) == {}


def test_a_cluster_comes_up_from_a_flat_mirror(node: Node) -> None:
    node.run("bootstrap", "init", "--image-repository", "registry.k8s.io", "--mirrors", "/rules.yaml", timeout=400)

    (found,) = node.get("nodes")["items"]
    assert {c["type"]: c["status"] for c in found["status"]["conditions"]}["Ready"] == "True"
    assert node.get("-n", "kube-system", "deployment", "coredns")["status"]["readyReplicas"] >= 1


def test_every_image_has_its_upstream_name_and_is_pinned(node: Node, images: dict[str, Image]) -> None:
    assert on(node) == dict.fromkeys(images, True)
    pods = node.get("pods", "-A")["items"]
    used = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    assert used <= set(images)


def test_layers_that_images_share_are_fetched_once(
    node: Node, mirror: RegistryServer, images: dict[str, Image]
) -> None:
    """All of Kubernetes is one layer here, under four names."""
    configs = {config for image in images.values() for _, config in image.platforms.values()}
    layers = {blob for image in images.values() for blob in image.blobs} - configs
    asked = Counter(line.rpartition("/")[2] for line in mirror.requests if line.startswith("GET "))
    assert {layer: asked[layer] for layer in layers} == dict.fromkeys(layers, 1)
    assert node.exec("test", "-e", "/var/lib/bootstrap/pull").returncode == 1


def test_the_kubelet_pulled_nothing(node: Node) -> None:
    """Static Pods start before the API has events: the kubelet's own log has them all."""
    log = node.run("journalctl", "-u", "kubelet", "-o", "cat", "--no-pager")
    assert "PullImage" not in log
    assert "ErrImagePull" not in log and "ImagePullBackOff" not in log
    until("the kubelet has told its events", lambda: "Pulled" in _reasons(node), 60)
    assert not _reasons(node) & {"Pulling", "BackOff"}


def _reasons(node: Node) -> set[str]:
    """Of all events. A kubelet tells them one after the other, and late on a busy machine."""
    return {event["reason"] for event in node.get("events", "-A")["items"]}


def test_a_second_run_needs_no_mirror(node: Node, mirror: RegistryServer) -> None:
    before = len(mirror.requests)
    assert "nothing changed" in node.run("bootstrap", "init", timeout=300)
    assert len(mirror.requests) == before
