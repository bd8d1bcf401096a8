"""A node container on the machine's own engine, driven as a user drives it: with the docker command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from machine import Machine

from tests.e2e.node import until

SLOW = 600.0
"""Seconds within which everything has to happen that takes a minute on a machine that is not emulated."""
WEB = Path(__file__).parents[1] / "e2e/app/web.yaml"
WEB_IMAGE = "bt-e2e-app:1"


class Node:
    """A container of the product's image."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.name = name

    def exec(self, *argv: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        interactive = ["-i"] if stdin is not None else []
        return self.machine.run("docker", "exec", *interactive, self.name, *argv, stdin=stdin)

    def kubectl(self, *words: str, stdin: bytes | None = None) -> str:
        """kubectl's output; AssertionError when it fails."""
        done = self.exec("kubectl", "--request-timeout=30s", *words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def logs(self) -> str:
        done = self.machine.run("docker", "logs", self.name)
        return done.stdout + done.stderr

    def state(self) -> Any:
        return json.loads(self.machine.must("docker", "inspect", "--format", "{{json .State}}", self.name))

    def wait_healthy(self) -> None:
        """What the image's HEALTHCHECK says; asked directly, since its results come late."""

        def healthy() -> bool:
            state = self.state()
            assert state["Running"], f"the container ended with {state['ExitCode']}\n{self.logs()}"
            done = self.exec("bootstrap", "healthcheck")
            assert done.returncode == 0, done.stdout + done.stderr + self.logs()
            return True

        until(f"{self.name} healthy", healthy, SLOW, every=2)


def run_web(node: Node) -> None:
    """Two web servers, a Service and a client; their image goes in through `images load -`."""
    pipe = f"docker save {WEB_IMAGE} | docker exec -i {node.name} bootstrap images load -"
    node.machine.must("sh", "-c", pipe)
    node.kubectl("apply", "-f", "-", stdin=WEB.read_bytes())


def assert_works(node: Node) -> None:
    """Node Ready, DNS available, a Service reached by name from a Pod on either web server."""
    ready = ("--for=condition=Ready", f"--timeout={SLOW:.0f}s")
    node.kubectl("wait", "nodes", "--all", *ready)
    node.kubectl("-n", "kube-system", "wait", "deployment/coredns", "--for=condition=Available", ready[1])
    node.kubectl("rollout", "status", "deployment/web", ready[1])
    node.kubectl("wait", "pod/client", *ready)
    pods = {pod["status"]["podIP"] for pod in node.get("pods", "-l", "app=web")["items"]}
    assert len(pods) == 2

    def answered() -> bool:
        return {node.kubectl("exec", "client", "--", "/app", "get", "http://web/").strip() for _ in range(6)} == pods

    until("both web servers answer", answered, SLOW)
    found = node.kubectl("exec", "client", "--", "/app", "lookup", "web.default.svc.cluster.local")
    assert found.strip().startswith("10."), found
