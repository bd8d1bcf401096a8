"""A host of the other minor becomes one of the default minor, and again one of the other, while a workload answers."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bootstrap.render.images.catalog import MINORS
from tests.e2e.node import IMAGE, must, until
from tests.e2e.web import docker_save
from tests.host.machine import CONFIG, KUBERNETES, Outside
from tests.minor.test_minor import BUILT, KNOWN, NEWER

WEB = Path(__file__).parents[1] / "e2e/app/web.yaml"
NODE_PORT = 30080
AFTER = "v1.37.0+bootstrap.1"


@pytest.fixture(scope="module")
def machine(app_image: str) -> Iterator[Outside]:
    """One with two web servers behind a Service that its own address leads to."""
    made = Outside("minor")
    try:
        must(made.run(IMAGE, "init", "--config", "-", stdin=CONFIG.encode()))
        must(made.run(IMAGE, "images", "load", "-", stdin=docker_save(app_image)))
        made.must(f"cat > /root/web.yaml <<'END'\n{WEB.read_text()}END")
        must(made.kubectl("apply", "-f", "/root/web.yaml"))
        patch = json.dumps({"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": NODE_PORT}]}})
        must(made.kubectl("patch", "service", "web", "-p", f"'{patch}'"))
        must(made.kubectl("rollout", "status", "deployment/web", "--timeout=90s", timeout=120))
        until("the Service answers", lambda: answers(made.address()))
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def worker(machine: Outside) -> Iterator[Outside]:
    made = Outside("minor-worker", beside=machine)
    try:
        line = must(machine.run(IMAGE, "token", "create", "--print-join-command"))
        must(made.run(IMAGE, *line.split()[1:]))
        yield made
    finally:
        made.remove()


def answers(address: str) -> bool:
    with suppress(OSError):
        connection = http.client.HTTPConnection(address, NODE_PORT, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False


@contextmanager
def nobody_waits(machine: Outside) -> Iterator[None]:
    """The workload answers every request, all the time."""
    address, over, lost = machine.address(), threading.Event(), list[float]()

    def ask() -> None:
        while not over.wait(0.05):
            if not answers(address):
                lost.append(time.monotonic())

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert lost == []


def etcd_of(machine: Outside) -> str:
    return machine.must("grep -o 'etcd:[0-9].*' /etc/kubernetes/manifests/etcd.yaml").strip().removeprefix("etcd:")


def kubelet_of(machine: Outside, node: str = "minor") -> str:
    return must(machine.kubectl("get", "node", node, "-o", "jsonpath={.status.nodeInfo.kubeletVersion}"))


def test_it_becomes_one_of_the_next_minor(machine: Outside) -> None:
    refused = machine.run(NEWER, "init")
    assert (refused.returncode, "bootstrap upgrade apply" in refused.stderr) == (8, True)
    with nobody_waits(machine):
        must(machine.run(NEWER, "upgrade", "apply", "-y"))

    assert machine.versions((*KUBERNETES, "coredns")) == {AFTER, MINORS["1.37"].coredns}
    assert (kubelet_of(machine), etcd_of(machine)) == (AFTER, MINORS["1.37"].etcd)
    assert machine.is_ready()
    rested = must(machine.run(NEWER, "init"))
    assert "nothing changed" in rested, rested


def test_a_worker_follows_and_goes_back(machine: Outside, worker: Outside) -> None:
    """Of a cluster that went on before it."""
    assert kubelet_of(machine, "minor-worker") == BUILT
    with nobody_waits(machine):
        must(worker.run(NEWER, "upgrade", "node", "--drain"))
    assert (kubelet_of(machine, "minor-worker"), machine.is_ready()) == (AFTER, True)

    must(worker.run(NEWER, "upgrade", "rollback", "-y"))
    assert (kubelet_of(machine, "minor-worker"), machine.is_ready()) == (BUILT, True)


def test_it_goes_back_with_what_was_made_since(machine: Outside) -> None:
    must(machine.kubectl("create", "configmap", "later", "--from-literal=a=b"))
    with nobody_waits(machine):
        must(machine.run(NEWER, "upgrade", "rollback", "-y"))

    assert machine.versions() == {BUILT}
    assert (kubelet_of(machine), etcd_of(machine)) == (BUILT, KNOWN.etcd)
    assert must(machine.kubectl("get", "configmap", "later", "-o", "jsonpath={.data.a}")) == "b"
    until("the node is Ready", machine.is_ready)
