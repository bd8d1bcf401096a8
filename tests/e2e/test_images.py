"""Images through mirrors on a real node: containerd by its hosts.toml, `images pull` for what that cannot say, add-ons
by `init`, and the kubelet's own pulls from a mirror that wants a login."""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests import archives
from tests.e2e.node import Node, until
from tests.registry.samples import Image, from_engine, make_image, push
from tests.registry.servers import HTPASSWD, PASSWORD, USER, RegistryServer

REFUSED = 9
OWN = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\n"
DEEP = "registry.k8s.io/team/deep:1"
"""Two words: containerd cannot find it on a flat mirror."""
FLAT = "registry.k8s.io/app:1"
PREFIXED = "ghcr.io/team/deep/app:1"
PRIVATE = "private.example/team/app:1"
"""Only on a mirror that wants a login."""
ADDON = """
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: web, image: registry.k8s.io/team/web, imagePullPolicy: Always, args: [serve, ":80"] }
        - { name: private, image: "private.example/team/tool:1", args: [serve, ":81"] }
"""
"""Its first image has no tag and a name of two words, and its author wants it pulled at each start."""


@pytest.fixture(scope="module")
def image(app_image: str) -> Image:
    """The tests' program, as the engine saves it."""
    return from_engine(app_image)


@pytest.fixture(scope="module")
def deep(app: Path) -> Image:
    """The same program for two architectures, as an image of its own.

    The kubelet remembers which names it has pulled an image's content under, and pulls it itself for any other name.
    """
    return make_image("deep", binary=app.read_bytes())


@pytest.fixture(scope="module")
def flat(gateway: str, image: Image, deep: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Every image below one name."""
    server = RegistryServer(tmp_path_factory.mktemp("flat") / "registry", address=gateway)
    push(server, "mirror/k8s/app", "1", image)
    push(server, "mirror/k8s/deep", "1", deep)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def prefixed(gateway: str, image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Upstream's names below a prefix."""
    server = RegistryServer(tmp_path_factory.mktemp("prefixed") / "registry", address=gateway)
    push(server, "proxy/ghcr/team/deep/app", "1", image)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def private(
    gateway: str, image: Image, app: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryServer]:
    """Gives nothing without USER and PASSWORD."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    server = RegistryServer(folder / "registry", address=gateway, auth=auth)
    login = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    push(server, "team/app", "1", image, login)
    push(server, "team/other", "1", make_image("other", binary=app.read_bytes()), login)
    push(server, "team/tool", "1", make_image("tool", binary=app.read_bytes()), login)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def node(
    flat: RegistryServer, prefixed: RegistryServer, private: RegistryServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A cluster whose configuration has mirrors, and that may ask nobody else."""
    mirrors = {
        "offline": True,
        "registries": [
            {
                "registry": "registry.k8s.io",
                "endpoints": [{"server": flat.host, "prefix": "mirror/k8s", "flatten": True, "plainHTTP": True}],
            },
            {
                "registry": "ghcr.io",
                "endpoints": [{"server": prefixed.host, "prefix": "proxy/ghcr", "plainHTTP": True}],
            },
            {
                "registry": "private.example",
                "endpoints": [
                    {
                        "server": private.host,
                        "plainHTTP": True,
                        "credentials": {"username": USER, "passwordFile": "/in/password"},
                    }
                ],
            },
        ],
    }
    folder = tmp_path_factory.mktemp("config")
    file = folder / "config.yaml"
    file.write_text(OWN + yaml.safe_dump({"mirrors": mirrors}))
    (folder / "password").write_text(PASSWORD)
    (folder / "web.yaml").write_text(ADDON)
    options = ("--privileged", "-v", f"{file}:/config.yaml:ro", "-v", f"{folder}:/in:ro")
    made = Node("images", "init", "--config", "/config.yaml", options=options)
    made.wait_healthy()
    yield made
    made.remove()


def run_pod(node: Node, name: str, image: str) -> None:
    """A Pod that the kubelet has to find the image for."""
    node.kubectl(
        "run", name, f"--image={image}", "--image-pull-policy=IfNotPresent", "--restart=Never", "--", "serve", ":80"
    )
    waited = node.exec("kubectl", "wait", f"pod/{name}", "--for=condition=Ready", "--timeout=30s")
    assert waited.returncode == 0, node.kubectl("describe", "pod", name)


def here(node: Node, image: str) -> bool:
    return node.exec("crictl", "inspecti", image).returncode == 0


@pytest.mark.parametrize(("name", "reference"), [("flat", FLAT), ("prefixed", PREFIXED)])
def test_the_kubelet_pulls_through_hosts_toml(node: Node, name: str, reference: str) -> None:
    run_pod(node, name, reference)


def test_what_hosts_toml_cannot_say_is_brought_in_under_its_upstream_name(node: Node, deep: Image) -> None:
    by_itself = node.exec("crictl", "pull", DEEP)
    assert by_itself.returncode != 0, "a flat mirror has no name of two words"
    assert not here(node, DEEP)

    explained = node.run("bootstrap", "images", "explain", DEEP, "--config", "/config.yaml")
    assert "brought in by `images pull`; containerd cannot say flattening" in explained
    node.run("bootstrap", "images", "pull", DEEP, "--config", "/config.yaml")
    status = json.loads(node.run("crictl", "inspecti", DEEP))["status"]
    assert status["pinned"] is True
    assert DEEP in status["repoTags"]
    assert f"registry.k8s.io/team/deep@{deep.top}" in status["repoDigests"]
    run_pod(node, "deep", DEEP)
    again = node.run("bootstrap", "images", "pull", DEEP, "--config", "/config.yaml")
    assert "is there already" in again


def test_a_pod_may_name_the_digest_of_what_was_pulled(node: Node, flat: RegistryServer, app: Path) -> None:
    push(flat, "mirror/k8s/pinned", "1", pinned := make_image("pinned", binary=app.read_bytes()))
    name = f"registry.k8s.io/more/pinned:1@{pinned.top}"
    node.run("bootstrap", "images", "pull", name, "--config", "/config.yaml")
    run_pod(node, "pinned", name)
    assert here(node, "registry.k8s.io/more/pinned:1")


def test_a_pod_may_name_the_digest_of_what_was_loaded(node: Node, app: Path) -> None:
    """From an engine that has one platform of several, packed on the way."""
    loaded = make_image("loaded", binary=app.read_bytes())
    archive = archives.of_the_containerd_store("docker.io/library/loaded:1", loaded, "amd64")
    said = node.run("bootstrap", "images", "load", "-", stdin=gzip.compress(archive, 1))
    assert said.split() == ["docker.io/library/loaded:1"]
    run_pod(node, "loaded", f"loaded:1@{loaded.top}")


@pytest.mark.parametrize("kind", ["attested", "old"])
def test_an_archive_of_any_tool_is_loaded(node: Node, kind: str) -> None:
    attested, plain = archives.attested("attested", "amd64"), make_image("plain")
    name = f"docker.io/library/{kind}:1"
    archive = (
        archives.layout([(name, attested.top)], archives.contents(attested), {})
        if kind == "attested"
        else archives.of_an_old_docker([name], plain, "amd64")
    )
    node.run("bootstrap", "images", "load", "-", stdin=archive)
    assert json.loads(node.run("crictl", "inspecti", name))["status"]["pinned"] is True


def test_an_archive_for_another_platform_leaves_nothing(node: Node) -> None:
    other = make_image("other-platform", ["arm64"], indexed=False)
    archive = archives.layout([("docker.io/library/other:1", other.top)], archives.contents(other), {})
    done = node.exec("bootstrap", "images", "load", "-", stdin=archive)

    assert done.returncode == REFUSED, done.stdout + done.stderr
    assert "docker.io/library/other:1: it is for linux/arm64, not for linux/amd64" in done.stderr
    assert done.stderr.count("✗") == 1
    assert "ctr" not in done.stderr and "DEPRECATION" not in done.stderr
    assert not here(node, "other:1")


def test_the_kubelet_logs_in_by_itself(node: Node, private: RegistryServer) -> None:
    """Without a pull secret: under the upstream name, and under the mirror's own."""
    by_hand = node.exec("crictl", "pull", PRIVATE)
    assert "basic auth" in by_hand.stderr or "authorization failed" in by_hand.stderr, by_hand.stderr
    run_pod(node, "private", PRIVATE)
    run_pod(node, "named", f"{private.host}/team/other:1")


def test_the_password_is_for_root_alone(node: Node) -> None:
    found = node.run("grep", "-rlF", PASSWORD, "/etc", "/var/lib/kubelet", "/var/lib/bootstrap").split()
    assert found == ["/etc/kubernetes/bootstrap/registry-logins.json"]
    assert node.run("stat", "-c", "%a %U", *found).split() == ["600", "root"]
    assert PASSWORD not in node.run("sh", "-c", "tr '\\0' ' ' < /proc/$(pidof kubelet)/cmdline")
    assert PASSWORD not in node.run("bootstrap", "init", "--reconfigure", "--config", "/config.yaml", "--dry-run")


def test_an_add_on_runs_from_the_mirrors(node: Node, flat: RegistryServer, app: Path) -> None:
    push(flat, "mirror/k8s/web", "latest", make_image("web", binary=app.read_bytes()))
    words = ("bootstrap", "init", "--reconfigure", "--config", "/config.yaml", "--addon", "/in/web.yaml")
    node.run(*words, timeout=300)

    deployment = node.get("deployment", "web")
    assert deployment["status"]["readyReplicas"] == 1
    policies = [c["imagePullPolicy"] for c in deployment["spec"]["template"]["spec"]["containers"]]
    assert policies == ["IfNotPresent", "IfNotPresent"]
    told = {
        event["reason"] for event in node.get("events")["items"] if "/web-" in f"/{event['involvedObject']['name']}"
    }
    assert "Pulled" in told
    assert "Pulling" not in told
    assert "nothing changed" in node.run(*words, timeout=300)


def test_pulled_images_survive_the_garbage_collection(node: Node, flat: RegistryServer) -> None:
    push(flat, "mirror/k8s/unused", "1", make_image("unused"))
    node.run("bootstrap", "images", "pull", "registry.k8s.io/more/unused:1", "--config", "/config.yaml")
    push(flat, "mirror/k8s/loose", "1", make_image("loose"))
    node.run("crictl", "pull", "registry.k8s.io/loose:1")
    node.run("crictl", "rmi", "--prune")

    assert here(node, "registry.k8s.io/more/unused:1")
    assert not here(node, "registry.k8s.io/loose:1")


def test_offline_asks_no_other_registry(node: Node) -> None:
    for image in ("registry.k8s.io/nothing:1", "docker.io/library/busybox:1"):
        pulled = node.exec("crictl", "pull", image)
        assert pulled.returncode != 0
        assert "not found" in pulled.stderr, "nobody was asked, so nothing timed out or was refused"
    asked = node.exec("bootstrap", "images", "pull", "docker.io/library/busybox:1", "--config", "/config.yaml")
    assert asked.returncode == 5
    assert "not asked: mirrors.offline is true" in asked.stderr


def test_an_image_that_is_not_the_locked_one_does_not_reach_the_node(node: Node, flat: RegistryServer) -> None:
    name = "registry.k8s.io/more/moving:1"
    push(flat, "mirror/k8s/moving", "1", make_image("as locked"))
    lock = node.run("bootstrap", "images", "lock", name, "--config", "/config.yaml")
    push(flat, "mirror/k8s/moving", "1", make_image("as swapped"))
    words = ("bootstrap", "images", "pull", name, "--config", "/config.yaml", "--lock", "-")
    refused = node.exec(*words, stdin=lock.encode())
    assert refused.returncode == REFUSED, refused.stdout + refused.stderr
    assert "locked is sha256:" in refused.stderr
    assert not here(node, name)

    push(flat, "mirror/k8s/moving", "1", make_image("as locked"))
    node.run(*words, stdin=lock.encode())
    assert here(node, name)


def test_a_mirror_that_comes_back_is_used_again(node: Node, flat: RegistryServer) -> None:
    """The rules are read for each pull: nothing remembers a failure."""
    push(flat, "mirror/k8s/later", "1", make_image("later"))
    os.kill(flat.process.pid, signal.SIGSTOP)
    try:
        words = ("bootstrap", "images", "pull", "registry.k8s.io/more/later:1", "--config", "/config.yaml")
        stopped = node.exec(*words, "--timeout", "3")
        assert stopped.returncode == 6, stopped.stdout + stopped.stderr
        assert "did not arrive within 3 s" in stopped.stderr
    finally:
        os.kill(flat.process.pid, signal.SIGCONT)
    until("the mirror is used", lambda: node.exec(*words).returncode == 0, 30)
