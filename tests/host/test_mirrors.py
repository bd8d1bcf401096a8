"""Mirrors in the configuration of a host: its kubelet pulls through them, one that wants a login included.

Needs a Docker engine and the product's image; makes one machine, and a registry in front of it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.e2e.node import docker, must
from tests.host.machine import CONFIG, Machine
from tests.registry.samples import from_engine, push
from tests.registry.servers import HTPASSWD, PASSWORD, USER, RegistryServer

UPSTREAM = "private.example/team/app:1"
LOGINS = "/etc/kubernetes/bootstrap/registry-logins.json"
CRICTL = "/opt/bootstrap/bin/crictl --runtime-endpoint=unix:///run/bootstrap/containerd/containerd.sock"
SECRETS = f"grep -rlF '{PASSWORD}' /etc /opt /var/lib/kubelet /var/lib/bootstrap"


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine]) -> Machine:
    made = make("mirrored")
    made.load_product()
    return made


@pytest.fixture(scope="module")
def mirror(machine: Machine, app_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Gives nothing without USER and PASSWORD."""
    gateway = must(docker("network", "inspect", machine.name, "-f", "{{(index .IPAM.Config 0).Gateway}}")).strip()
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    server = RegistryServer(folder / "registry", address=gateway, auth=auth)
    login = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    push(server, "proxy/team/app", "1", from_engine(app_image), login)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def before(machine: Machine, mirror: RegistryServer) -> list[str]:
    """What the machine is like, with a configuration that names the mirror and a file that has the password."""
    endpoint = {
        "server": mirror.host,
        "prefix": "proxy",
        "plainHTTP": True,
        "credentials": {"username": USER, "passwordFile": "/root/password"},
    }
    rules = {"offline": True, "registries": [{"registry": "private.example", "endpoints": [endpoint]}]}
    ours, _, rest = CONFIG.partition("---\n")
    config = f"{ours}{yaml.safe_dump({'mirrors': rules})}---\n{rest}"
    machine.must(f"printf '{PASSWORD}' > /root/password; cat > /root/config.yaml <<'END'\n{config}END")
    return machine.state()


@pytest.fixture(scope="module")
def node(machine: Machine, before: list[str]) -> Machine:
    machine.init()
    return machine


def test_the_kubelet_logs_in_by_itself(node: Machine, mirror: RegistryServer) -> None:
    by_hand = node.sh(f"{CRICTL} pull {UPSTREAM}")
    assert "basic auth" in by_hand.stderr or "authorization failed" in by_hand.stderr, by_hand.stderr

    must(node.kubectl("run", "app", f"--image={UPSTREAM}", "--restart=Never", "--", "serve", ":80"))
    waited = node.kubectl("wait", "pod/app", "--for=condition=Ready", "--timeout=50s")
    assert waited.returncode == 0, node.kubectl("describe", "pod", "app").stdout
    assert any(line.startswith("GET /v2/proxy/team/app/blobs/") for line in mirror.requests)


def test_the_password_is_for_root_alone(node: Machine) -> None:
    assert node.must(SECRETS).split() == [LOGINS]
    assert node.must(f"stat -c '%a %U' {LOGINS}").split() == ["600", "root"]


def test_docker_does_not_know_these_rules(node: Machine) -> None:
    """The machine's own containerd and engine have their own."""
    assert node.sh("ls /etc/containerd/certs.d /etc/docker/certs.d").stdout == ""


def test_reset_takes_rules_and_password_back(node: Machine, before: list[str]) -> None:
    must(node.bootstrap("reset", "--force"))
    assert node.sh(SECRETS).stdout == ""
    assert sorted(set(node.state()) ^ set(before)) == []
