"""Needs a Docker engine and the image: bundles loaded into a real containerd and into Docker.

The containerd is that of a `bootstrap node` whose seed database is covered: it starts without any image.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.model import names
from bootstrap.render.images.required import LOCAL_PATH_PROVISIONER, METALLB
from tests.bundle.corpus import CRITICAL, OTHER, Good
from tests.e2e.node import until

IMAGE = os.environ.get("BOOTSTRAP_IMAGE", "bootstrap:v1.37.0")
SEED = "/usr/lib/bootstrap/seed"
NO_SEED = f"{SEED}/io.containerd.metadata.v1.bolt"
SOCKET = "/var/run/docker.sock"
MEMORY = 300_000_000
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("memory", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""


def docker(*words: str | Path, code: int = 0, timeout: float = 400) -> str:
    """A docker command that has to end with this code; its standard output."""
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == code, f"{done.args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + (done.stderr if code or words[0] == "logs" else "")


class Empty:
    """A node without images (`cover` hides the database of those inside), and with the bundles of this session."""

    def __init__(self, files: Path, cover: str = f"--tmpfs={NO_SEED}") -> None:
        self.name = f"bt-bundle-{os.getpid()}-{time.monotonic_ns()}"
        options = ("--privileged", cover, "-v", f"{files}:/in:ro", "--name", self.name)
        docker("run", "-d", *options, IMAGE, "node")
        deadline = time.monotonic() + 90
        while not self.healthy():
            assert time.monotonic() < deadline, docker("logs", self.name)
            time.sleep(0.3)

    def healthy(self) -> bool:
        asked = ["docker", "exec", self.name, "bootstrap", "healthcheck"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def run(self, *words: str, code: int = 0) -> str:
        return docker("exec", self.name, *words, code=code)

    def images(self) -> dict[str, str]:
        """Name → digest of the target, without CRI's own names, and those by digest."""
        return {name: digest for name, digest in self._rows() if "@" not in name}

    def by_digest(self) -> set[str]:
        return {name for name, _ in self._rows() if "@" in name}

    def _rows(self) -> list[tuple[str, str]]:
        rows = [line.split() for line in self.run("ctr", "-n", "k8s.io", "images", "ls").splitlines()[1:]]
        return [(row[0], row[2]) for row in rows if not row[0].startswith("sha256:")]

    def load(self, file: str, code: int = 0) -> str:
        return self.run("bootstrap", "bundle", "load", f"/in/{file}", "--trusted-key", "/in/key.pub", code=code)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, good: Good) -> Path:
    """key, key.pub, small.bundle (two images of the tests'), seed.bundle (the images inside)."""
    folder = tmp_path_factory.mktemp("in")
    (folder / "key").write_bytes(good.private)
    (folder / "key.pub").write_bytes(good.public)
    (folder / "small.bundle").write_bytes(good.packed)
    words = ("bundle", "create", "--key", "/out/key", "--file", "/out/seed.bundle")
    docker("run", "--rm", "-v", f"{folder}:/out", IMAGE, *words)
    return folder


@pytest.fixture(scope="session")
def bundled(files: Path) -> Any:
    """The images of seed.bundle, as its manifest says."""
    return json.loads(in_docker(files, "inspect", "/in/seed.bundle", "-o", "json"))["images"]


@pytest.fixture(scope="session")
def seed(bundled: Any) -> dict[str, str]:
    """Name → manifest digest of the images inside, as seed.bundle has them."""
    return {image["reference"]: image["target"]["digest"] for image in bundled}


@pytest.fixture(scope="session")
def loaded(files: Path) -> Iterator[tuple[Empty, str]]:
    """A node into which the images inside were loaded from a bundle, and what that printed."""
    node = Empty(files)
    assert node.images() == {}
    yield node, node.load("seed.bundle")
    docker("rm", "-fv", node.name)


@pytest.fixture
def empty(files: Path) -> Iterator[Empty]:
    node = Empty(files)
    yield node
    docker("rm", "-fv", node.name)


def test_the_images_inside_come_back_with_their_digests(loaded: tuple[Empty, str], seed: dict[str, str]) -> None:
    assert loaded[0].images() == seed
    assert loaded[0].by_digest() == {f"{name.rpartition(':')[0]}@{digest}" for name, digest in seed.items()}
    assert f"{len(seed)} images loaded, 0 were there" in loaded[1]


def test_they_are_the_images_that_the_build_wrote_down(bundled: Any) -> None:
    """Their layers are packed for the bundle, so their manifests differ: an image is known by its configuration."""
    index = json.loads(docker("run", "--rm", "--entrypoint=cat", IMAGE, f"{SEED}/index.json"))
    built = {name: image["config"] for image in index["images"] for name in image["names"]}

    carried = {image["reference"]: image["platforms"][0]["config"] for image in bundled}
    assert carried.items() <= built.items()
    only_where_asked_for = {name.rpartition("/")[2].partition(":")[0] for name in built.keys() - carried.keys()}
    metallb = {f"metallb-{part}" for part in METALLB}
    assert only_where_asked_for == {names.KEEPALIVED, LOCAL_PATH_PROVISIONER, *metallb}


def test_a_node_that_has_them_inside_loads_nothing(files: Path, seed: dict[str, str]) -> None:
    node = Empty(files, cover="--tmpfs=/unused")
    try:
        assert f"0 images loaded, {len(seed)} were there" in node.load("seed.bundle")
    finally:
        docker("rm", "-fv", node.name)


def test_cri_has_them_all_pinned(loaded: tuple[Empty, str], seed: dict[str, str]) -> None:
    listed = json.loads(loaded[0].run("crictl", "images", "-o", "json"))["images"]

    assert {tag for image in listed for tag in image["repoTags"]} == set(seed)
    assert [image["repoTags"] for image in listed if not image.get("pinned")] == []


def test_containers_run_from_them(loaded: tuple[Empty, str], seed: dict[str, str]) -> None:
    for name, said in (("etcd", "etcd Version: "), ("kube-apiserver", "Kubernetes v1.")):
        image = next(image for image in seed if f"/{name}:" in image)

        assert said in loaded[0].run("ctr", "-n", "k8s.io", "run", "--rm", image, f"try-{name}", name, "--version")


def test_the_critical_ones_are_usable_first(loaded: tuple[Empty, str]) -> None:
    order = [line.split()[1] for line in loaded[1].splitlines() if "✓" in line]
    names = [name.rpartition("/")[2].partition(":")[0] for name in order]

    assert set(names[:2]) == {"pause", "etcd"}
    assert names.index("kube-apiserver") < names.index("coredns")


def test_what_is_there_is_not_loaded_again(loaded: tuple[Empty, str], seed: dict[str, str]) -> None:
    assert f"0 images loaded, {len(seed)} were there" in loaded[0].load("seed.bundle")


def test_what_was_removed_comes_back(loaded: tuple[Empty, str], seed: dict[str, str]) -> None:
    node, gone = loaded[0], next(name for name in seed if "/coredns:" in name)
    node.run("ctr", "-n", "k8s.io", "images", "rm", "--sync", gone)

    assert f"1 images loaded, {len(seed) - 1} were there" in node.load("seed.bundle")
    assert node.images() == seed


def test_memory_is_bounded(loaded: tuple[Empty, str], empty: Empty) -> None:
    for node in (empty, loaded[0]):
        words = ("bootstrap", "bundle", "load", "/in/seed.bundle", "--trusted-key", "/in/key.pub")
        output = node.run("python3", "-c", MEASURED, *words)

        assert int(output.split()[-1]) < MEMORY


def test_an_interrupted_load_goes_on(empty: Empty, seed: dict[str, str]) -> None:
    """Killed once the first image is there: no image is half there, and the next run brings the rest."""
    loading = "echo $$ >/p; exec bootstrap bundle load /in/seed.bundle --trusted-key /in/key.pub"
    empty.run("sh", "-c", f"sh -c '{loading}' | (grep -m1 ✓ && kill -9 $(cat /p))")
    some = empty.images()

    assert 0 < len(some) < len(seed)
    assert "images loaded" in empty.load("seed.bundle")
    assert empty.images() == seed
    listed = json.loads(empty.run("crictl", "images", "-o", "json"))["images"]
    assert all(image.get("pinned") for image in listed)
    checked = empty.run("ctr", "-n", "k8s.io", "images", "check").splitlines()[1:]
    assert [line for line in checked if "complete" not in line] == []


def test_a_damaged_file_leaves_nothing_in_containerd(empty: Empty, files: Path) -> None:
    content = bytearray((files / "seed.bundle").read_bytes())
    content[len(content) * 9 // 10] ^= 1
    (files / "damaged.bundle").write_bytes(content)

    assert "is refused" in empty.load("damaged.bundle", code=9)
    assert empty.images() == {}
    assert empty.run("ctr", "-n", "k8s.io", "content", "ls", "-q") == ""


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Before and after, the engine has none of these images."""
    subprocess.run(["docker", "rmi", "-f", *names], capture_output=True, check=False)
    try:
        yield
    finally:
        subprocess.run(["docker", "rmi", "-f", *names], capture_output=True, check=False)


def in_docker(files: Path, *words: str) -> str:
    return docker("run", "--rm", "-v", f"{SOCKET}:{SOCKET}", "-v", f"{files}:/in", IMAGE, "bundle", *words)


def ids(*names: str) -> list[Any]:
    return [docker("image", "inspect", "-f", "{{.Id}}", name).strip() for name in names]


def test_docker_has_them_under_their_configurations_digests(files: Path, good: Good) -> None:
    words = ("load", "/in/small.bundle", "--to", "docker", "--trusted-key", "/in/key.pub")
    with without(CRITICAL, OTHER):
        assert "2 images loaded, 0 were there" in in_docker(files, *words)
        assert ids(CRITICAL, OTHER) == [image.platforms[0].config for image in good.manifest.images]
        assert "0 images loaded, 2 were there" in in_docker(files, *words)


def test_dockers_own_images_go_into_containerd(files: Path, good: Good, empty: Empty, tmp_path: Path) -> None:
    """What a node needs is taken from the engine under other names: the usual way on a developer's machine."""
    config = tmp_path / "config.yaml"
    own = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\ncni: none\n"
    repository = "registry.example/k8s"
    config.write_text(
        f"{own}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nimageRepository: {repository}\n"
        "kubernetesVersion: v1.37.0\nproxy:\n  disabled: true\ndns:\n  disabled: true\n"
    )
    (files / "config.yaml").write_bytes(config.read_bytes())
    wanted = docker("run", "--rm", "-v", f"{files}:/in", IMAGE, "images", "list", "--config", "/in/config.yaml").split()
    with without(CRITICAL, OTHER, *wanted):
        in_docker(files, "load", "/in/small.bundle", "--to", "docker", "--trusted-key", "/in/key.pub")
        for name in wanted:
            docker("tag", CRITICAL, name)
        words = ("create", "--from", "docker", "--config", "/in/config.yaml", "--key", "/in/key", "--image", OTHER)
        in_docker(files, *words, "--file", "/in/docker.bundle")
        configs = ids(*wanted, OTHER)
    empty.load("docker.bundle")
    listed = json.loads(empty.run("crictl", "images", "-o", "json"))["images"]
    found = {tag: image["id"] for image in listed for tag in image["repoTags"]}

    assert found == dict(zip([*wanted, OTHER], configs, strict=True))


class Cluster:
    """`init` with a bundle in a node without images of its own."""

    def __init__(self, files: Path, bundle: str, *more: str) -> None:
        self.name = f"bt-bundle-{os.getpid()}-{time.monotonic_ns()}"
        options = ("--privileged", f"--tmpfs={NO_SEED}", "-v", f"{files}:/in:ro", "--name", self.name)
        trust = () if bundle == "docker" else ("--trusted-key", "/in/key.pub")
        words = ("--bundle", bundle, *trust, "--timings")
        docker("run", "-d", *options, *more, IMAGE, "init", *words)

    def state(self) -> Any:
        return json.loads(docker("inspect", "-f", "{{json .State}}", self.name))

    def wait(self, healthy: bool, timeout: float = 180) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            asked = ["docker", "exec", self.name, "bootstrap", "healthcheck"]
            if healthy and subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                return
            if not self.state()["Running"]:
                break
            time.sleep(0.5)
        assert not healthy and not self.state()["Running"], docker("logs", self.name)


@pytest.fixture
def cluster(files: Path) -> Iterator[Any]:
    made: list[Cluster] = []

    def make(bundle: str, *more: str) -> Cluster:
        made.append(Cluster(files, bundle, *more))
        return made[-1]

    yield make
    for one in made:
        docker("rm", "-fv", one.name)


def test_init_brings_its_images_from_the_bundle(cluster: Any, seed: dict[str, str]) -> None:
    node = cluster("/in/seed.bundle")
    node.wait(healthy=True)
    logs = docker("logs", node.name)
    starts = {line.split()[-1]: float(line.split()[0]) for line in logs.splitlines() if line.endswith(tuple(STEPS))}

    def all_pods() -> Any:
        found = json.loads(docker("exec", node.name, "kubectl", "get", "pods", "-A", "-o", "json"))["items"]
        return found if len(found) >= 7 else None

    # The kubelet shows a static Pod to the API at its next sync, which may be a minute after the API has come.
    pods = until("all Pods, the static ones included", all_pods, timeout=120)
    assert {name.rpartition("/")[2] for pod in pods for name in [pod["spec"]["containers"][0]["image"]]} <= {
        name.rpartition("/")[2] for name in seed
    }
    assert starts["kubelet-start"] <= starts["images/others"] + 1, "the kubelet starts while the rest is loaded"
    assert docker("exec", node.name, "bootstrap", "init", "--bundle", "/in/seed.bundle", "--trusted-key", "/in/key.pub")


STEPS = ("images/critical", "images/others", "kubelet-start")


def test_init_refuses_what_it_cannot_trust_before_anything_is_written(cluster: Any, files: Path) -> None:
    content = bytearray((files / "seed.bundle").read_bytes())
    content[len(content) // 2] ^= 1
    (files / "flipped.bundle").write_bytes(content)
    node = cluster("/in/flipped.bundle")
    node.wait(healthy=False)
    written = [line for line in docker("diff", node.name).splitlines() if "/etc/kubernetes" in line]

    assert node.state()["ExitCode"] == 9
    assert "/in/flipped.bundle is refused" in docker("logs", node.name)
    assert written == []


def test_init_refuses_a_bundle_that_lacks_its_images(cluster: Any) -> None:
    node = cluster("/in/small.bundle")
    node.wait(healthy=False)

    assert node.state()["ExitCode"] == 9
    assert "kube-apiserver" in docker("logs", node.name)


def test_init_takes_the_docker_engines_images(files: Path, cluster: Any, seed: dict[str, str]) -> None:
    """The images inside, loaded into the engine, come from there; manifests are made anew, configurations stay."""
    with without(*seed):
        in_docker(files, "load", "/in/seed.bundle", "--trusted-key", "/in/key.pub", "--to", "docker")
        configs = dict(zip(seed, ids(*seed), strict=True))
        node = cluster("docker", "-v", f"{SOCKET}:/docker.sock")
        node.wait(healthy=True)
    listed = json.loads(docker("exec", node.name, "crictl", "images", "-o", "json"))["images"]

    assert {tag: image["id"] for image in listed for tag in image["repoTags"]} == configs
