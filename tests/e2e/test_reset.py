"""How `reset` is asked for: what it shows, whom it asks, what it compares. What it takes back is shown in tests/host.

The tests share a node without a cluster and come in the order of its life.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.node import Node

EFFECT, USAGE, CONFLICT, INTERRUPTED = 5, 2, 8, 130
"""docs/reference/exit-codes.md"""
PKI = "/etc/kubernetes/pki"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """With certificates: files that `init` noted and made."""
    made = Node("reset", "node")
    made.wait_healthy()
    made.run("bootstrap", "init", "phase", "certs", "all")
    yield made
    made.remove()


def has_certificates(node: Node) -> bool:
    return node.exec("test", "-e", f"{PKI}/ca.crt").returncode == 0


def answered(node: Node, answer: str) -> subprocess.CompletedProcess[str]:
    """`reset` on a terminal where somebody types."""
    ours, terminal = pty.openpty()
    command = ["docker", "exec", "-it", node.name, "bootstrap", "reset"]
    try:
        os.write(ours, f"{answer}\n".encode())
        return subprocess.run(command, stdin=terminal, capture_output=True, text=True, timeout=120, check=False)
    finally:
        os.close(ours)
        os.close(terminal)


def test_a_dry_run_shows_everything_and_changes_nothing(node: Node) -> None:
    assert f"remove {PKI}" in node.run("bootstrap", "reset", "--dry-run")
    steps = json.loads(node.run("bootstrap", "reset", "--dry-run", "-o", "json"))["steps"]
    assert f"remove {PKI}/ca.key" in [effect["what"] for step in steps for effect in step["effects"]]
    assert has_certificates(node)


def test_without_a_terminal_it_says_both_ways_out(node: Node) -> None:
    refused = node.exec("bootstrap", "reset")
    assert refused.returncode == USAGE
    assert "bootstrap reset --force" in refused.stderr
    assert "-it" in refused.stderr
    assert has_certificates(node)


@pytest.mark.parametrize("answer", ["n", "", "what?"])
def test_no_answer_but_yes_is_a_no(node: Node, answer: str) -> None:
    done = answered(node, answer)
    assert done.returncode == INTERRUPTED
    assert f"remove {PKI}" in done.stdout
    assert "nothing was changed" in done.stdout
    assert has_certificates(node)


def test_verify_alone_names_what_is_left(node: Node) -> None:
    found = node.exec("bootstrap", "reset", "--verify")
    assert found.returncode == EFFECT
    assert f"still here: {PKI}/ca.key" in found.stdout + found.stderr
    assert has_certificates(node)


def test_yes_on_a_terminal_undoes_it_all(node: Node) -> None:
    done = answered(node, "y")
    assert done.returncode == 0, done.stdout
    assert "as it was before init" in done.stdout
    assert not has_certificates(node)
    assert node.exec("bootstrap", "reset", "--verify").returncode == CONFLICT


def test_purge_forgets_what_is_left(node: Node) -> None:
    node.run("bootstrap", "init", "phase", "certs", "ca")
    found = json.loads(node.run("bootstrap", "reset", "--verify", "--purge", "-o", "json"))
    assert f"{PKI}/ca.key" in found["left"]
    assert node.exec("bootstrap", "reset", "--yes").returncode == CONFLICT
    assert has_certificates(node)
