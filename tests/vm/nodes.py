"""The two kinds of node on an emulated machine: a container of its engine, and the machine itself."""

from __future__ import annotations

import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.node import until
from tests.vm.emulator import Machine

PRODUCT = "bootstrap:v1.37.0"
"""The image's name inside the machine, whatever it is called outside."""
SLOW = 3000.0
"""Seconds within which everything has to happen that takes a minute on a machine that is not emulated."""
POLL = 30.0
"""Seconds between two looks: each takes CPU from an API server that starts."""
GUIDE = Path(__file__).parents[2] / "docs/how-to/host.md"
SLOW_MACHINE = GUIDE.read_text().partition("## A slow machine")[2].partition("```yaml\n")[2].partition("```")[0]
"""The configuration that the guide gives. Who does not renew the lease within ten seconds, as is the default, ends
itself; and an API server ends itself when it has not looked through all addresses of Services a minute after it
listens, so TLS handshakes and garbage collection have to be cheap (seen after a reboot: five starts in vain, each by a
few seconds).
"""
CONFIG_FILE = "/root/cluster.yaml"
NODES = "/api/v1/nodes"
WORKING = (
    ("Ready", NODES),
    ("Available", "/apis/apps/v1/namespaces/kube-system/deployments"),
    ("Available", "/apis/apps/v1/namespaces/default/deployments"),
    ("Ready", "/api/v1/namespaces/default/pods"),
)
"""What of a cluster with the web servers has to say what about itself."""
WEB = Path(__file__).parents[1] / "e2e/app/web.yaml"
WEB_IMAGE = "bt-e2e-app:1"


class Cluster(ABC):
    """A cluster of one node, and a way to run commands where its kubectl is."""

    load: str
    """A shell command on the machine that takes `docker save` on standard input."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @abstractmethod
    def exec(self, *argv: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]: ...

    def kubectl(self, *words: str, stdin: bytes | None = None) -> str:
        """kubectl's output; AssertionError when it fails."""
        done = self.exec("kubectl", "--request-timeout=30s", *words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, path: str) -> Any:
        """What is at a path of the API; kubectl has to discover nothing for that."""
        return json.loads(self.kubectl("get", "--raw", path))


class Host(Cluster):
    """The machine as a node; commands enter it as a user's do, by a container that leaves nothing behind."""

    enter = ("docker", "run", "--rm", "-i", "--privileged", "--pid=host", "--network=host", "-v", "/:/host", PRODUCT)
    load = " ".join((*enter, "images load -"))

    def exec(self, *argv: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        return self.machine.run("env", "KUBECONFIG=/etc/kubernetes/admin.conf", *argv, stdin=stdin)

    def bootstrap(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.machine.run(*self.enter, *words, timeout=SLOW)

    def wait_ready(self) -> None:
        """Ready as said in this boot: until the kubelet reports, the API server shows what was true before."""
        boot = self.machine.must("cat", "/proc/sys/kernel/random/boot_id").strip()

        def ready() -> bool:
            nodes = self.get(NODES)["items"]
            return are(nodes, "Ready") and nodes[0]["status"]["nodeInfo"]["bootID"] == boot

        until("the machine is Ready", ready, SLOW, every=POLL)


class Node(Cluster):
    """A container of the product's image."""

    def __init__(self, machine: Machine, name: str) -> None:
        super().__init__(machine)
        self.name = name
        self.load = f"docker exec -i {name} bootstrap images load -"

    def exec(self, *argv: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        interactive = ["-i"] if stdin is not None else []
        return self.machine.run("docker", "exec", *interactive, self.name, *argv, stdin=stdin)

    def logs(self) -> str:
        done = self.machine.run("docker", "logs", self.name)
        return done.stdout + done.stderr

    def state(self) -> Any:
        return json.loads(self.machine.must("docker", "inspect", "--format", "{{json .State}}", self.name))

    def wait_healthy(self) -> None:
        """What Docker's own health checks say: they run anyway, and asking again would cost the machine seconds."""

        def healthy() -> bool:
            state, log = self.state(), self.logs()
            if not state["Running"] or "✗" in log:  # waiting longer would not help
                pytest.fail(f"{state}\n{log}")
            assert state["Health"]["Status"] == "healthy", f"{state['Health']}\n{log}"
            return True

        until(f"{self.name} healthy", healthy, SLOW, every=POLL)


def are(found: Sequence[Any], condition: str) -> bool:
    """Whether there are some, and all of them say so."""
    said = [{c["type"]: c["status"] for c in body["status"].get("conditions", ())} for body in found]
    return bool(said) and all(conditions.get(condition) == "True" for conditions in said)


def run_web(cluster: Cluster) -> None:
    """Two web servers, a Service and a client; their image goes in through `images load -`."""
    cluster.machine.must("sh", "-c", f"docker save {WEB_IMAGE} | {cluster.load}")
    until("the API takes them", lambda: cluster.kubectl("apply", "-f", "-", stdin=WEB.read_bytes()), SLOW, every=POLL)


def assert_works(cluster: Cluster) -> None:
    """Node Ready, DNS available, a Service reached by name from a Pod on either web server.

    Asked again and again: where everything takes many times as long, a Deployment calls itself failed, and comes up.
    """
    for condition, path in WORKING:
        until(f"{path} {condition}", lambda c=condition, p=path: are(cluster.get(p)["items"], c), SLOW, every=POLL)
    web = cluster.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
    pods = {pod["metadata"]["name"] for pod in web}
    assert len(pods) == 2

    def answered() -> bool:
        return {cluster.kubectl("exec", "client", "--", "/app", "get", "http://web/").strip() for _ in range(6)} == pods

    until("both web servers answer", answered, SLOW)
    found = cluster.kubectl("exec", "client", "--", "/app", "lookup", "web.default.svc.cluster.local")
    assert found.strip().startswith("10."), found
