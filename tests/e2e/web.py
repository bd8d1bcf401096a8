"""Two web servers behind a Service, and a Pod that asks them: what shows that a cluster's network works."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.node import Node, until

MANIFEST = (Path(__file__).parent / "app" / "web.yaml").read_bytes()


def docker_save(*images: str) -> bytes:
    return subprocess.run(["docker", "save", *images], capture_output=True, check=True).stdout


def run_web(node: Node, image: str) -> None:
    """The image goes in through `images load -`."""
    node.run("bootstrap", "images", "load", "-", stdin=docker_save(image))
    node.kubectl("apply", "-f", "-", stdin=MANIFEST)


def ask(node: Node, *words: str) -> str:
    """What the client Pod's program prints."""
    return node.kubectl("exec", "client", "--", "/app", *words)


def both_answer(node: Node) -> dict[str, str]:
    """Waits until either server has answered the client, by the Service's name; the servers' names and addresses."""
    node.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    node.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
    pods = {p["metadata"]["name"]: p["status"].get("podIP", "") for p in node.get("pods", "-l", "app=web")["items"]}
    assert len(pods) == 2
    until(
        "both Pods behind the Service", lambda: {ask(node, "get", "http://web/").strip() for _ in range(6)} == set(pods)
    )
    return pods
