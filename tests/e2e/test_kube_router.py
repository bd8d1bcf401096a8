"""kube-router in place of flannel: its own manifest by the recipe's name, its image on a flat mirror only.

The manifest comes with the sources. It names the image without a tag and wants it pulled at each start.
The tests share one node and come in the order of its life.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.node import Node, component, docker, must, until
from tests.registry.samples import from_engine, push
from tests.registry.servers import RegistryServer

MODULE = "github.com/cloudnativelabs/kube-router/v2"
SOURCES = Path(__file__).parents[2] / "images" / "kube-router"
RECIPES = Path(__file__).parents[2] / "manifests" / "recipes.yaml"
DOCKERFILE = Path(__file__).parent / "kube-router" / "Dockerfile"
IMAGE = "bt-e2e-kube-router:1"
BASES = ("localhost/bootstrap/base:trixie", "debian:trixie-slim")
"""The Debian that the product's image was built on."""
NOBODY = b"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: nobody }
spec: { podSelector: { matchLabels: { app: web } }, policyTypes: [Ingress] }
"""


@pytest.fixture(scope="module")
def manifest() -> str:
    """What upstream gives to clusters of kubeadm; it is the same in the version that is built and in the recipe's."""
    found = subprocess.run(["go", "mod", "download", "-json", MODULE], cwd=SOURCES, capture_output=True, check=True)
    file = Path(json.loads(found.stdout)["Dir"], "daemonset", "kubeadm-kuberouter.yaml")
    recipe = yaml.safe_load(RECIPES.read_text())["kube-router"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == recipe["sha256"], "not the manifest that the recipe means"
    return file.read_text()


@pytest.fixture(scope="module")
def mirror(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Has kube-router, built from source, and nothing else."""
    context = tmp_path_factory.mktemp("image")
    shutil.copy(component("kube-router", "kube-router"), context)
    base = next(name for name in BASES if docker("image", "inspect", name).returncode == 0)
    words = ("--network=host", "--load", "--provenance=false", f"--build-arg=BASE={base}", "--tag", IMAGE)
    must(docker("buildx", "build", *words, "--file", str(DOCKERFILE), str(context), timeout=300))
    server = RegistryServer(tmp_path_factory.mktemp("mirror") / "registry", address=gateway)
    push(server, "team/kube-router", "latest", from_engine(IMAGE))
    yield server
    server.stop()
    docker("rmi", IMAGE)


@pytest.fixture(scope="module")
def node(
    mirror: RegistryServer, manifest: str, app_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """`init --cni kube-router=FILE`, with a server and a client."""
    folder = tmp_path_factory.mktemp("m")
    endpoint = {"server": mirror.host, "prefix": "team", "flatten": True, "plainHTTP": True}
    rules = {"offline": True, "registries": [{"registry": "docker.io", "endpoints": [endpoint]}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "kube-router.yaml").write_text(manifest)
    words = ("init", "--cni", "kube-router=/m/kube-router.yaml", "--mirrors", "/m/rules.yaml")
    made = Node("router", *words, options=("--privileged", "-v", f"{folder}:/m:ro"))
    made.wait_healthy(180)
    saved = subprocess.run(["docker", "save", app_image], capture_output=True, check=True).stdout
    made.run("bootstrap", "images", "load", "-", stdin=saved)
    made.kubectl("create", "deployment", "web", f"--image={app_image}", "--", "/app", "serve", ":80")
    made.kubectl("expose", "deployment", "web", "--port=80")
    made.kubectl("run", "client", f"--image={app_image}", "--", "serve", ":80")
    made.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    made.kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=60s")
    yield made
    made.remove()


def answers(node: Node) -> bool:
    return node.exec("kubectl", "exec", "client", "--", "/app", "get", "http://web/").stdout.startswith("web-")


def test_the_node_is_ready_with_its_network(node: Node) -> None:
    (found,) = node.get("nodes")["items"]
    assert {c["type"]: c["status"] for c in found["status"]["conditions"]}["Ready"] == "True"
    assert [d["metadata"]["name"] for d in node.get("-A", "daemonsets")["items"]] == ["kube-proxy", "kube-router"]
    links = node.run("ip", "-br", "link")
    assert "kube-bridge" in links
    assert "cni0" not in links
    inside = ipaddress.ip_network(found["spec"]["podCIDR"])
    pods = [pod for pod in node.get("-A", "pods")["items"] if not pod["spec"].get("hostNetwork")]
    assert pods
    assert all(ipaddress.ip_address(pod["status"]["podIP"]) in inside for pod in pods)


def test_a_pod_reaches_a_service_by_its_name(node: Node) -> None:
    assert until("the Service answers", lambda: answers(node))


def test_its_image_came_from_the_mirror_before_its_pods(node: Node) -> None:
    (pod,) = node.get("-n", "kube-system", "pods", "-l", "k8s-app=kube-router")["items"]
    containers = pod["spec"]["initContainers"] + pod["spec"]["containers"]
    assert {c["image"] for c in containers} == {"docker.io/cloudnativelabs/kube-router"}
    reasons = {
        event["reason"]
        for event in node.get("-n", "kube-system", "events")["items"]
        if event["involvedObject"]["name"] == pod["metadata"]["name"]
    }
    assert "Pulled" in reasons
    assert "Pulling" not in reasons


def test_network_policies_hold(node: Node) -> None:
    node.kubectl("apply", "-f", "-", stdin=NOBODY)
    assert until("nobody gets through", lambda: not answers(node))
    node.kubectl("delete", "networkpolicy", "nobody")
    assert until("the Service answers again", lambda: answers(node))


def test_a_second_run_changes_nothing(node: Node) -> None:
    assert "nothing changed" in node.run("bootstrap", "init", timeout=300)
    applied = json.loads(node.run("bootstrap", "addon", "list", "-o", "json"))["addons"]
    assert [addon["name"] for addon in applied if addon["applied"]] == ["kube-proxy", "coredns", "kube-router"]
