"""The image of another minor, which BOOTSTRAP_IMAGE names; tests/e2e/test_cluster.py does the rest with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from bootstrap.render.images.catalog import MINORS
from tests.e2e.node import IMAGE, Node, docker, must, until

VERSION = os.environ.get("KUBERNETES", "v1.36.3")
KNOWN = MINORS[VERSION.removeprefix("v").rpartition(".")[0]]
BUILT = f"{VERSION}+bootstrap.1"


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
