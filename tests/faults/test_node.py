"""Whole runs of the command on a node: ended after a step, with everything that a step is: units, Pods, objects.

Needs a Docker engine and the product's image.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.node import Node, must, until
from tests.faults.scorecard import Score

HERE = Path(__file__).parent
ENDED = ("/usr/bin/python3", "-IS", "/faults/inside.py")
LAST = 1000
"""More steps than there are."""
PART = (3, 30)
"""After how many steps `init` ends when not every number of them is tried."""
PART_OF_RESET = (4,)
BOTH = ((signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM))
AUTHORITY = "cat /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/ca.key /etc/kubernetes/pki/sa.key | sha256sum"
STATE = """
find /etc /opt /usr/local /var/lib /var/log -xdev \
  -not -path '/var/lib/containerd*' -not -path '/var/lib/systemd/*' -not -path '/var/log/journal*' \
  -printf '%p %M %u %g %l\\n' | sort
find /etc /opt /usr/local -xdev -type f -exec sha256sum {} + | sort -k2
awk '{print $2}' /proc/mounts | grep -v ^/run/credentials/ | sort
ip -br link | awk '{print $1}' | sed 's/@.*//' | sort
for unit in kubelet containerd; do echo $unit $(systemctl is-active $unit) $(systemctl is-enabled $unit); done
"""
FAKE = """
mkdir -p /fake
for name in systemctl umount ip iptables crictl nsenter; do
  printf '#!/bin/sh\\ntouch /fake/was-run\\nexit 7\\n' >/fake/$name; chmod +x /fake/$name
done
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node without a cluster; tests leave it so."""
    made = Node("faults", "node", options=("--privileged", "-v", f"{HERE}:/faults:ro"))
    try:
        made.wait_healthy(60)
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def before(node: Node) -> list[str]:
    """The node as it is after a reset, which leaves the runtime's own images and the kernel's modules."""
    works(node)
    must(node.exec("bootstrap", "reset", "--force"))
    return state(node)


def state(node: Node) -> list[str]:
    return node.run("sh", "-c", STATE).splitlines()


def ended(node: Node, after: int, number: signal.Signals, *words: str) -> CompletedProcess[str]:
    """The command, which sends itself a signal after some steps."""
    return node.exec(*ENDED, str(after), number.name, *words, timeout=300)


def steps(node: Node, *words: str) -> int:
    """How many steps a whole run has."""
    return int(must(ended(node, LAST, signal.SIGKILL, *words)).split()[-2])


def works(node: Node) -> None:
    """`init` ends in a Ready node."""
    done = node.exec("bootstrap", "init", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    conditions = node.get("nodes")["items"][0]["status"]["conditions"]
    assert [c["status"] for c in conditions if c["type"] == "Ready"] == ["True"], conditions


def goes_back(node: Node, before: list[str]) -> None:
    done = node.exec("bootstrap", "reset", "--force", timeout=300)
    assert done.returncode == 0 and "as it was before init" in done.stdout, done.stdout + done.stderr
    differing = sorted(set(state(node)) ^ set(before))
    assert differing == [], f"differs from before: {differing[:10]}"


def authority(node: Node) -> str:
    """The digest of what must not change once it is there; empty until all of it is."""
    done = node.exec("sh", "-c", AUTHORITY)
    return done.stdout if not done.stderr else ""


def test_init_killed(node: Node, before: list[str], score: Score, sweep: bool) -> None:
    """SIGKILL after a step of `init` on a node, then `init` to a Ready cluster, then `reset`."""
    count = steps(node, "init")
    goes_back(node, before)
    for after in range(1, count) if sweep else PART:
        with score.trial(after):
            assert ended(node, after, signal.SIGKILL, "init").returncode == 137
            kept = authority(node)
            works(node)
            assert kept in ("", authority(node)), "the CA was replaced"
            goes_back(node, before)


def test_reset_killed(node: Node, before: list[str], score: Score, sweep: bool) -> None:
    """SIGKILL after a step of `reset` on a node, then `reset`."""
    works(node)
    count = steps(node, "reset", "--force")
    for after in range(1, count + 1) if sweep else PART_OF_RESET:
        with score.trial(after):
            works(node)
            assert ended(node, after, signal.SIGKILL, "reset", "--force").returncode == 137
            goes_back(node, before)


def test_interrupted(node: Node, before: list[str], score: Score, sweep: bool) -> None:
    """SIGTERM and SIGINT after a step of `init` and of `reset` on a node: exit code 130, then the same again."""
    for after in PART if sweep else PART[1:2]:
        for first, second in BOTH if sweep else BOTH[:1]:
            with score.trial(f"{first.name} after {after}"):
                _is_interrupted(ended(node, after, first, "init"))
                works(node)
                _is_interrupted(ended(node, 3, second, "reset", "--force"))
                goes_back(node, before)


def _is_interrupted(done: CompletedProcess[str]) -> None:
    assert done.returncode == 130, done.stdout + done.stderr
    assert "interrupted" in done.stderr and "it goes on where it stopped" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_hostile_environment(node: Node, before: list[str], score: Score, sweep: bool) -> None:
    """Commands of others first in PATH, LD_PRELOAD, PYTHONPATH, umask 000 and 777 for `init` and `reset` on a node."""
    node.run("sh", "-c", FAKE)
    hostile = "export PATH=/fake:$PATH LD_PRELOAD=/fake/none.so PYTHONPATH=/fake LC_ALL=xx; exec bootstrap"
    for umask in ("777", "000") if sweep else ("777",):
        with score.trial(umask):
            done = node.exec("sh", "-c", f"umask {umask}; {hostile} init", timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
            works(node)
            done = node.exec("sh", "-c", f"umask {umask}; {hostile} reset --force", timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
            assert node.exec("test", "-e", "/fake/was-run").returncode == 1, "a command of others was run"
            until("the node is as it was", lambda: state(node) == before, 10)
