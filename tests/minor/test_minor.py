"""The image of another minor, which BOOTSTRAP_IMAGE names; tests/e2e/test_cluster.py does the rest with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.render.images.catalog import MINORS
from tests.e2e.node import IMAGE, Node, docker, must, until

VERSION = os.environ.get("KUBERNETES", "v1.36.3")
KNOWN = MINORS[VERSION.removeprefix("v").rpartition(".")[0]]
BUILT = f"{VERSION}+bootstrap.1"
NEWER = os.environ.get("BOOTSTRAP_NEWER_IMAGE", "bootstrap:v1.37.0")
"""The image of the default minor."""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    node = Node("minor", "init")
    node.wait_healthy()
    yield node
    node.remove()


def test_everything_that_runs_is_of_that_minor(node: Node) -> None:
    assert json.loads(node.run("bootstrap", "version", "-o", "json")) == {"kubernetes": BUILT}
    assert json.loads(node.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"] == BUILT
    info = node.get("nodes")["items"][0]["status"]["nodeInfo"]
    assert (info["kubeletVersion"], info["operatingSystem"]) == (BUILT, "linux")
    assert f"etcdctl version: {KNOWN.etcd.partition('-')[0]}\n" in node.run("etcdctl", "version")


def test_every_pod_runs_an_image_of_that_minor(node: Node) -> None:
    kubernetes = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    expected = dict.fromkeys(kubernetes, BUILT.replace("+", "_")) | {"etcd": KNOWN.etcd, "coredns": KNOWN.coredns}

    def of_all_pods() -> bool:
        pods = [c["image"] for pod in node.get("pods", "-A")["items"] for c in pod["spec"]["containers"]]
        tags = {image.rpartition("/")[2].partition(":")[0]: image.rpartition(":")[2] for image in pods}
        assert tags == {**expected, "flannel": tags.get("flannel")}
        return True

    # The kubelet shows a static Pod to the API at its next sync, which may be a minute after the API has come.
    until("all Pods, the static ones included", of_all_pods, timeout=120)


def test_images_are_listed_with_those_of_upstream_that_they_stand_for(node: Node) -> None:
    details = json.loads(node.run("bootstrap", "images", "list", "-o", "json"))["details"]
    stand_for = {found["component"]: found["upstream"] for found in details}

    assert stand_for["kube-apiserver"] == f"registry.k8s.io/kube-apiserver:{VERSION}"
    assert stand_for["etcd"] == f"registry.k8s.io/etcd:{KNOWN.etcd}"


@pytest.mark.parametrize(("version", "code"), [(VERSION, 0), ("v1.37.0", 3)])
def test_its_own_version_is_taken_and_no_other(version: str, code: int) -> None:
    config = f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n"
    done = docker("run", "--rm", "-i", IMAGE, "config", "validate", "--config", "-", stdin=config.encode())

    assert done.returncode == code, done.stdout + done.stderr


def test_a_field_that_came_with_a_later_minor_is_refused() -> None:
    config = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ndefaultPodSysctls: {a: b}\n"
    done = docker("run", "--rm", "-i", IMAGE, "config", "validate", "--config", "-", stdin=config.encode())

    assert done.returncode == 3
    assert "defaultPodSysctls" in done.stderr


def test_the_image_says_what_is_in_it() -> None:
    labels = json.loads(must(docker("image", "inspect", "-f", "{{json .Config.Labels}}", IMAGE)))

    assert labels["bootstrap.kubernetes"] == BUILT
    assert f"k8s.io/kubernetes@{VERSION}" in labels["bootstrap.components"].split()


@pytest.fixture
def newer(tmp_path: Path) -> Iterator[Node]:
    """A cluster of the default minor; `out` is a folder for its bundle."""
    made = Node("newer", "init", options=("--privileged", "-v", f"{tmp_path}:/out"), image=NEWER)
    made.wait_healthy()
    yield made
    made.remove()


def join_words(cluster: Node) -> list[str]:
    return cluster.run("bootstrap", "token", "create", "--print-join-command").split()[1:]


def test_its_kubelet_joins_a_newer_cluster(newer: Node, tmp_path: Path) -> None:
    """kube-proxy is of the cluster's version, so that the worker needs that one from a bundle."""
    newer.run("bootstrap", "bundle", "create", "--file", "/out/newer.bundle", timeout=300)
    bundle = ("--bundle", "/in/newer.bundle", "--insecure-unsigned")
    worker = Node("older", *join_words(newer), *bundle, options=("--privileged", "-v", f"{tmp_path}:/in:ro"))
    try:
        worker.wait_healthy()
        name = worker.run("hostname").strip()
        assert newer.get("node", name)["status"]["nodeInfo"]["kubeletVersion"] == BUILT
        assert "kube-proxy does not start here without its own" in worker.logs()

        def all_run() -> bool:
            pods = newer.get("pods", "-A", "--field-selector", f"spec.nodeName={name}")["items"]
            return len(pods) > 1 and all(c["ready"] for p in pods for c in p["status"]["containerStatuses"])

        until("its kube-proxy and flannel run", all_run)
        worker.run("bootstrap", "reset", "--force", "--drain", timeout=300)
    finally:
        worker.remove()


def test_a_newer_kubelet_joins_no_cluster_of_that_minor(node: Node) -> None:
    done = docker("run", "--rm", "--privileged", NEWER, *join_words(node), "--dry-run")

    assert (done.returncode, "[ClusterVersion]" in done.stderr) == (4, True), done.stderr
