"""A containerd of the machine's own, which no Docker engine shows: used, given images, and never configured.

Needs a Docker engine and the product's image; makes one machine, whose own engine listens where nobody looks.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.node import must, until
from tests.host.machine import Machine

PREFLIGHT = 4
SOCKET = "unix:///run/containerd/containerd.sock"
HIDDEN = "unix:///run/engine/hidden.sock"
HIDE = f"""
mkdir -p /etc/systemd/system/docker.service.d
cat > /etc/systemd/system/docker.service.d/hidden.conf <<END
[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd -H {HIDDEN} --containerd=/run/containerd/containerd.sock
END
systemctl disable --now docker.socket; systemctl daemon-reload; mkdir -p /run/engine; systemctl restart docker
rm -f /run/docker.sock
"""
GOOD = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "localhost/bootstrap/pause:3.10.2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = true
"""
"""Where a container may not lower OOM scores, this machine may not either."""
IMAGES = "ctr --namespace k8s.io images ls -q | grep -v ^sha256: | sort"
THEIRS = """
mkdir -p /run/netns && touch /run/netns/theirs
mkdir -p /var/lib/cni/networks/podman && echo f00 > /var/lib/cni/networks/podman/10.88.0.2
iptables -t nat -N CNI-aa11bb22
"""
THEIR_END = """
set -e
rm /run/netns/theirs
rm /var/lib/cni/networks/podman/10.88.0.2; rmdir -p /var/lib/cni/networks/podman 2>/dev/null || true
iptables -t nat -X CNI-aa11bb22
"""
"""Each of its lines fails when reset has taken the thing away."""


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine]) -> Machine:
    made = make("foreign")
    made.must(HIDE)
    made.engine = HIDDEN
    until("the hidden engine answers", lambda: not made.sh("docker info").returncode)
    made.load_product()
    return made


def test_what_the_runtime_lacks_is_named_and_nothing_changed(machine: Machine) -> None:
    there = machine.state()
    refused = machine.bootstrap("init", "--config", "/root/config.yaml", "--cri-socket", SOCKET)
    assert refused.returncode == PREFLIGHT, refused.stdout + refused.stderr
    said = refused.stdout + refused.stderr
    assert "[RuntimeCgroups]" in said
    assert "SystemdCgroup = true" in said
    assert "[RuntimeCNI]" in said
    assert "begins each Pod with registry.k8s.io/pause" in said
    assert sorted(set(machine.state()) ^ set(there)) == []


@pytest.fixture(scope="module")
def before(machine: Machine) -> list[str]:
    machine.must(f"cat > /etc/containerd/config.toml <<'END'\n{GOOD}END\nsystemctl restart containerd")
    until("the engine answers", lambda: not machine.sh("docker info").returncode)
    return [*machine.state(), *machine.must(IMAGES).split()]


def test_init_takes_the_runtime_that_no_engine_shows_and_brings_images(machine: Machine, before: list[str]) -> None:
    machine.init()
    assert machine.is_ready()
    assert machine.sh("systemctl is-active bootstrap-containerd").stdout.strip() == "inactive"
    assert f"containerRuntimeEndpoint: {SOCKET}" in machine.must("cat /var/lib/kubelet/config.yaml")
    assert "localhost/bootstrap/etcd:3.7.0-0" in machine.must(IMAGES).split()
    assert machine.must("cat /etc/containerd/config.toml") == GOOD


def test_a_second_init_changes_nothing(machine: Machine) -> None:
    assert "nothing changed" in machine.init()


def test_diagnose_asks_that_runtime(machine: Machine) -> None:
    assert json.loads(must(machine.bootstrap("diagnose", "-o", "json")))["findings"] == []


def test_reset_takes_the_images_back_and_leaves_the_runtime_and_what_others_have_by_now(
    machine: Machine, before: list[str]
) -> None:
    machine.must(THEIRS)
    others = json.loads(must(machine.bootstrap("reset", "--force", "-o", "json")))["others"]
    for theirs in ("/run/netns/theirs", "/var/lib/cni/networks/podman", "nat CNI-aa11bb22"):
        assert [line for line in others if theirs in line], others
    machine.must(THEIR_END)
    assert machine.must("systemctl is-active containerd").strip() == "active"
    now = [*machine.state(), *machine.must(IMAGES).split()]
    assert sorted(set(now) ^ set(before)) == []


def test_the_reset_of_a_first_step_stops_nothing_that_others_run(machine: Machine) -> None:
    machine.must("systemd-run --slice=kubepods.slice --unit=their-pod sleep 600")
    machine.sh("systemd-run --wait --unit=their-failure false")
    must(machine.bootstrap("init", "phase", "certs", "ca"))

    said = must(machine.bootstrap("reset", "--force"))
    assert "Pods" not in said
    assert machine.must("systemctl is-active their-pod").strip() == "active"
    assert machine.must("systemctl is-failed their-failure").strip() == "failed"
