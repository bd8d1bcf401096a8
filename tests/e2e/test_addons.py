"""Add-ons from manifests: metrics-server built from source, local-path-provisioner, and one with its own kind.

Images that are not there come with `images load`; nothing is pulled.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template

import pytest

from bootstrap.model import names
from tests.e2e.node import Node, component, docker, must, until

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "addons"
FLANNEL = "localhost/bootstrap/flannel:v0.28.4"
BINARIES = ("metrics-server",)
ADDONS = [
    option
    for addon in ("metrics-server=/m/metrics-server.yaml", "/m/volumes.yaml", "/m/stores.yaml")
    for option in ("--addon", addon)
]
CLAIM = b"""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec:
  storageClassName: directories
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Mi } }
---
apiVersion: v1
kind: Pod
metadata: { name: user }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: user
      image: bt-e2e-app:1
      imagePullPolicy: Never
      args: [serve, ":8080"]
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
"""


@pytest.fixture(scope="module")
def images(app_image: str) -> Iterator[list[str]]:
    """The add-ons' programs as images in the engine's store, with the tests' own."""
    names = []
    for name in BINARIES:
        binary = component(name, name)
        archive = subprocess.run(["tar", "-C", binary.parent, "-c", name], capture_output=True, check=True).stdout
        names.append(f"bt-e2e-{name}:1")
        must(docker("import", "--change", f'ENTRYPOINT ["/{name}"]', "-", names[-1], stdin=archive))
    yield [*names, app_image]
    docker("rmi", *names)


@pytest.fixture(scope="module")
def node(images: list[str]) -> Iterator[Node]:
    """A node that has the images, and then becomes a cluster with the add-ons."""
    made = Node("addons", "node", options=("--privileged", "-v", f"{MANIFESTS}:/m:ro"))
    made.wait_healthy()
    saved = subprocess.run(["docker", "save", *images], capture_output=True, check=True).stdout
    made.run("bootstrap", "images", "load", "-", stdin=saved)
    made.run("bootstrap", "init", *ADDONS, timeout=400)
    yield made
    made.remove()


def test_init_ends_when_the_workloads_run(node: Node) -> None:
    for kind, namespace, name in (
        ("deployment", "kube-system", "metrics-server"),
        ("deployment", "volumes", "provisioner"),
        ("statefulset", "default", "keeper"),
    ):
        assert node.get("-n", namespace, kind, name)["status"]["readyReplicas"] == 1
    assert node.get("daemonset", "elsewhere")["status"]["desiredNumberScheduled"] == 0


def test_top_nodes_answers(node: Node) -> None:
    lines = until("metrics", lambda: node.kubectl("top", "nodes", "--no-headers").split(), timeout=90)

    assert lines[1].endswith("m")
    assert lines[3].endswith("Mi")


def test_a_claim_is_bound_and_its_pod_runs(node: Node) -> None:
    node.kubectl("apply", "-f", "-", stdin=CLAIM)

    until("the claim is bound", lambda: node.get("pvc", "data")["status"]["phase"] == "Bound", timeout=90)
    until("its Pod runs", lambda: node.get("pod", "user")["status"]["phase"] == "Running", timeout=60)


def test_an_object_of_a_kind_that_came_with_it(node: Node) -> None:
    assert node.get("stores.example.org", "main")["spec"] == {"size": 3}


def test_what_is_applied_is_listed(node: Node) -> None:
    found = json.loads(node.run("bootstrap", "addon", "list", "-o", "json"))

    ours = {addon["name"]: addon for addon in found["addons"]}
    assert list(ours) == ["kube-proxy", "coredns", "flannel", "metrics-server", "volumes", "stores"]
    assert all(addon["applied"] for addon in ours.values())
    assert ours["volumes"]["source"] == "/m/volumes.yaml"
    assert "calico" in {recipe["name"] for recipe in found["recipes"]}


def test_a_second_run_changes_nothing(node: Node) -> None:
    assert "nothing changed" in node.run("bootstrap", "init", timeout=300)
    shown = node.run("bootstrap", "init", "--dry-run")
    changed = shown.partition("apply Store main")[2].splitlines()[1]
    assert not changed.strip().startswith(("+", "-", "@"))


def test_what_others_have_changed_stays_until_it_is_asked_for(node: Node) -> None:
    """As controllers and people do it: a Secret that is filled, a number of replicas, a ConfigMap that is edited."""
    node.run("bootstrap", "init", "--reconfigure", "--addon", "/m/tool", timeout=300)
    node.kubectl("-n", "tool", "patch", "secret", "csrf", "--type", "merge", "-p", '{"data": {"csrf": "eA=="}}')
    node.kubectl("-n", "tool", "patch", "configmap", "settings", "--type", "merge", "-p", '{"data": {"a.b": "edited"}}')
    node.kubectl("-n", "kube-system", "scale", "deployment", "coredns", "--replicas", "1")

    said = node.run("bootstrap", "init", timeout=300)
    assert "ConfigMap tool/settings: .data.a.b stays as kubectl-patch has set it" in said
    assert "Deployment kube-system/coredns: .spec.replicas stays as kubectl has set it" in said
    assert node.get("-n", "tool", "configmap", "settings")["data"] == {"a.b": "edited", "c": "2"}
    node.run("bootstrap", "init", "--reconfigure", timeout=300)
    assert node.get("-n", "tool", "configmap", "settings")["data"] == {"a.b": "1", "c": "2"}
    assert node.get("-n", "kube-system", "deployment", "coredns")["spec"]["replicas"] == 2
    assert node.get("-n", "tool", "secret", "csrf")["data"] == {"csrf": "eA=="}


def test_an_object_that_makes_no_sense_ends_at_once_and_can_be_taken_back(node: Node) -> None:
    done = node.exec("bootstrap", "init", "--reconfigure", "--addon", "/m/refused/twice.yaml")

    assert done.returncode == 7, done.stderr
    assert 'duplicate entries for key [name="A"]' in done.stderr
    assert "take it back: bootstrap addon remove twice" in done.stderr
    node.run("bootstrap", "init", "--remove-addon", "twice", timeout=300)
    assert "twice" not in node.run("bootstrap", "addon", "list")


def test_an_add_on_is_taken_back_and_what_others_made_stays(node: Node) -> None:
    node.kubectl("-n", "tool", "create", "configmap", "mine")

    shown = node.run("bootstrap", "addon", "remove", "tool", "--dry-run")
    assert "delete Secret tool/csrf if it is ours" in shown
    said = node.run("bootstrap", "addon", "remove", "tool")
    assert "Namespace tool stays: it holds ConfigMap mine, which others made" in said
    assert [
        body["metadata"]["name"] for body in node.get("-n", "tool", "configmaps,secrets,serviceaccounts")["items"]
    ] == [
        "kube-root-ca.crt",
        "mine",
        "default",
    ]
    assert "nothing changed" in node.run("bootstrap", "init", timeout=300)


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [
        ("/nowhere.yaml", 3, "cannot read /nowhere.yaml"),
        ("metrics-servr", 3, "did you mean metrics-server?"),
        ("kubernetes-dashboard", 3, "use headlamp"),
        ("relative.yaml", 3, "is not an add-on"),
        ("/m/stores.yaml#sha256=" + 64 * "0", 9, "it has sha256"),
    ],
)
def test_what_cannot_be_installed_is_refused(node: Node, option: str, code: int, said: str) -> None:
    done = node.exec("bootstrap", "init", "--reconfigure", "--addon", option)

    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_a_pod_network_from_a_manifest_makes_the_node_ready(start: Callable[..., Node], tmp_path: Path) -> None:
    """flannel's own objects, given as somebody else's manifest; its image is in every node."""
    network = json.dumps({"Network": "10.77.0.0/16", "EnableNFTables": True, "Backend": {"Type": "vxlan"}})
    text = Template((ROOT / "manifests" / "flannel" / "flannel.yaml").read_text()).substitute(
        ADDRESSES=names.FLANNEL_ADDRESSES,
        API_HOST="10.96.0.1",
        API_PORT="443",
        CNI_CONF="/etc/cni/net.d",
        CONFIG_HASH="x",
        IMAGE=FLANNEL,
        NET_CONF=json.dumps(network),
    )
    (tmp_path / "net.yaml").write_text(text)
    words = ("init", "--cni", "/m/net.yaml", "--pod-network-cidr", "10.77.0.0/16")
    node = start("network", *words, options=("--privileged", "-v", f"{tmp_path}:/m:ro"))
    node.wait_healthy()

    dns = node.get("-n", "kube-system", "pods", "-l", "k8s-app=kube-dns")["items"]
    assert dns
    assert all(pod["status"]["podIP"].startswith("10.77.") for pod in dns)
    found = json.loads(node.run("bootstrap", "addon", "list", "-o", "json"))["addons"]
    assert [addon["name"] for addon in found if addon["applied"]] == ["kube-proxy", "coredns", "net"]
