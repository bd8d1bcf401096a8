"""Control planes that join at the same time, again and again: etcd takes one after the other, and none is left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.joined import lines, peers, ready
from tests.e2e.node import Node, docker, must, until
from tests.faults.scorecard import Score

ROUNDS = 20
SUBNET, ADDRESS = "198.51.101.0/24", "198.51.101.10"
NETWORK = "bt-faults-together"


@pytest.fixture
def first(sweep: bool) -> Iterator[Node]:
    if not sweep:
        pytest.skip("one round is a part of tests/e2e")
    must(docker("network", "create", "--subnet", SUBNET, NETWORK))
    words = ("init", "--control-plane-endpoint", f"{ADDRESS}:6443")
    node = Node("together", *words, options=("--privileged", "--network", NETWORK, "--ip", ADDRESS))
    try:
        node.wait_healthy()
        yield node
    finally:
        node.remove()
        docker("network", "rm", NETWORK)


def test_control_planes_join_at_once(first: Node, score: Score) -> None:
    """Two control planes join at once beside a third one, and leave"""
    said = first.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs")
    words = lines(said)[1].split()[1:]
    for number in range(ROUNDS):
        joined: list[Node] = []
        with score.trial(f"round {number}"):
            try:
                joined += [
                    Node(f"{n}-of-{number}", *words, options=("--privileged", "--network", NETWORK)) for n in "ab"
                ]
                for node in joined:
                    node.wait_healthy(180)
                names = {node.run("hostname").strip() for node in (first, *joined)}
                assert set(peers(first)) == names
                assert all(ready(first, name) for name in names)
            finally:
                for node in joined:
                    node.exec("bootstrap", "reset", "--force", timeout=300)
                    node.remove()
            until("the first is alone again", lambda: len(peers(first)) == 1)
