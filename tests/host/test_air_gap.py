"""A machine behind a wall becomes a node from a bundle that lies on it, and nothing leaves it.

It has no containerd of its own: the engine there starts a private one. Needs a Docker engine and the product's image;
makes one machine (a systemd container with an engine of its own). The tests come in the order of its life.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.node import docker, must, until
from tests.e2e.wall import NOTHING, RESET, RULES, tried
from tests.host.machine import Machine

BUNDLE = ("--bundle", "/root/app.bundle", "--trusted-key", "/root/key.pub")
CRICTL = "/opt/bootstrap/bin/crictl --runtime-endpoint=unix:///run/bootstrap/containerd/containerd.sock"
REFUSED = 9

PRIVATE = """
mkdir -p /etc/systemd/system/docker.service.d
cat > /etc/systemd/system/docker.service.d/private.conf <<END
[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd -H fd://
END
systemctl mask --now containerd; systemctl daemon-reload; rm -rf /run/containerd; systemctl restart docker
"""
SOCKET = "/run/containerd/containerd.sock"


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine], app_image: str) -> Machine:
    """It has the product and the tests' own image in its engine, and nothing leaves it from then on."""
    made = make("wall")
    made.must(PRIVATE)
    until("the engine answers", lambda: not made.sh("docker info").returncode)
    made.load_product()
    made.load(app_image)
    made.must(f"nft -f - <<'END'\n{RULES}END")
    return made


def test_the_wall_holds_and_counts(machine: Machine) -> None:
    """A wall that counts nothing would prove nothing."""
    assert tried(machine.must) == NOTHING
    machine.sh("timeout 1 bash -c '</dev/tcp/10.96.0.1/443'")
    assert tried(machine.must)["seen"] == [["10.96.0.1", "tcp", 443]]
    machine.must(RESET)


def test_a_bundle_is_made_on_the_machine_from_its_own_engine(machine: Machine, app_image: str) -> None:
    must(machine.bootstrap("bundle", "keygen", "/root/key"))
    words = ("--from", "seed", "--from", "docker", "--image", app_image, "--key", "/root/key")
    must(machine.bootstrap("bundle", "create", *words, "--file", "/root/app.bundle"))
    must(machine.bootstrap("bundle", "verify", "/root/app.bundle", "--trusted-key", "/root/key.pub"))


def test_a_bundle_that_nobody_trusted_signed_is_refused_before_anything_is_written(machine: Machine) -> None:
    refused = machine.bootstrap("init", "--config", "/root/config.yaml", "--bundle", "/root/app.bundle")
    assert refused.returncode == REFUSED, refused.stdout + refused.stderr
    assert machine.sh("ls /etc/kubernetes /opt/bootstrap").returncode != 0


def test_the_machine_becomes_a_node_from_it(machine: Machine, app_image: str) -> None:
    machine.init(*BUNDLE)
    assert machine.is_ready()
    assert machine.sh(f"test -e {SOCKET}").returncode == 1, "only the engine's private containerd and ours run"
    must(machine.kubectl("create", "deployment", "web", f"--image={app_image}", "--", "/app", "serve", ":80"))
    must(machine.kubectl("expose", "deployment", "web", "--port=80"))
    must(machine.kubectl("run", "client", f"--image={app_image}", "--", "serve", ":80"))
    must(machine.kubectl("rollout", "status", "deployment/web", "--timeout=90s", timeout=100))
    must(machine.kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=60s", timeout=70))
    ask = ("exec", "client", "--", "/app", "get", "http://web/")
    assert until("the Service answers", lambda: must(machine.kubectl(*ask))).startswith("web-")


def test_not_one_packet_tried_to_leave(machine: Machine) -> None:
    assert tried(machine.must) == NOTHING


def test_what_the_bundle_brought_is_there_and_not_brought_again(machine: Machine) -> None:
    again = must(machine.bootstrap("bundle", "load", "/root/app.bundle", "--trusted-key", "/root/key.pub"))
    assert "0 images loaded" in again
    assert "nothing changed" in machine.init(*BUNDLE)


def test_the_images_garbage_collection_leaves_it(machine: Machine, app_image: str) -> None:
    machine.must(f"{CRICTL} rmi --prune")
    left = json.loads(machine.must(f"{CRICTL} images -o json"))["images"]
    names = {tag.rpartition("/")[2].partition(":")[0] for image in left for tag in image["repoTags"]}
    assert {"pause", "etcd", "kube-apiserver", app_image.partition(":")[0]} <= names
    assert all(image["pinned"] for image in left)
    must(machine.kubectl("run", "after", f"--image={app_image}", "--", "serve", ":80"))
    must(machine.kubectl("wait", "pod/after", "--for=condition=Ready", "--timeout=60s", timeout=70))


def test_an_archive_of_ones_own_comes_in_pinned(machine: Machine, app_image: str) -> None:
    own = "example.com/own/app:2"
    machine.must(f"docker tag {app_image} {own}")
    run = "docker run --rm -i --privileged --pid=host --network=host -v /:/host bootstrap:v1.37.0 images load -"
    assert own in machine.must(f"docker save {own} | {run}")
    found = json.loads(machine.must(f"{CRICTL} inspecti -o json {own}"))["status"]
    assert found["pinned"] and own in found["repoTags"]


def test_what_is_there_needs_no_registry(machine: Machine, app_image: str) -> None:
    pulled = machine.bootstrap("images", "pull", "localhost/bootstrap/pause:3.10.2")
    assert "is there already" in must(pulled)


def test_not_one_packet_tried_to_leave_later(machine: Machine) -> None:
    assert tried(machine.must) == NOTHING


def test_the_docker_engine_is_a_source_too(machine: Machine) -> None:
    """A second start from the engine's own images, found where a host has its socket."""
    must(machine.bootstrap("reset", "--force"))
    must(machine.bootstrap("bundle", "load", "/root/app.bundle", "--trusted-key", "/root/key.pub", "--to", "docker"))
    machine.init("--bundle", "docker")
    assert machine.is_ready()
    assert docker("exec", machine.name, "ls", "/docker.sock").returncode != 0
