"""A cluster of several nodes from one line, by the Docker engine's socket, and all that is done with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.e2e.node import IMAGE, PREFIX, docker, must

CLUSTER = f"{PREFIX}-{os.getpid()}"
SOCKET = "/var/run/docker.sock:/var/run/docker.sock"


def bootstrap(*words: str, stdin: bytes | None = None, timeout: float = 300) -> str:
    """The command as a user types it."""
    run = ("run", "--rm", *(("-i",) if stdin is not None else ()), "-v", SOCKET, IMAGE)
    return must(docker(*run, "cluster", *words, stdin=stdin, timeout=timeout))


def left(cluster: str) -> list[str]:
    """Containers and networks of a cluster."""
    label = f"label=bootstrap.cluster={cluster}"
    containers = must(docker("ps", "-aq", "--filter", label)).split()
    return containers + must(docker("network", "ls", "-q", "--filter", label)).split()


def volumes() -> set[str]:
    return set(must(docker("volume", "ls", "-q")).split())


def kubectl(*words: str) -> str:
    return must(docker("exec", f"{CLUSTER}-control-plane", "kubectl", "--request-timeout=10s", *words))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    before = volumes()
    said = bootstrap("create", CLUSTER, "--workers", "2")
    assert f"{CLUSTER} is up in" in said
    yield CLUSTER
    bootstrap("delete", CLUSTER)
    assert left(CLUSTER) == []
    assert volumes() <= before, "the nodes' volumes went with them"


def test_all_nodes_are_ready(cluster: str) -> None:
    found = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    ready = {
        node["metadata"]["name"]: next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
        for node in found
    }

    assert ready == dict.fromkeys((f"{cluster}-control-plane", f"{cluster}-worker", f"{cluster}-worker2"), "True")
    listed = json.loads(bootstrap("nodes", cluster, "-o", "json"))["nodes"]
    assert {(node["name"], node["state"]) for node in listed} == {(name, "running") for name in ready}
    assert {"name": cluster, "nodes": 3, "running": 3} in json.loads(bootstrap("list", "-o", "json"))["clusters"]


def test_nothing_secret_is_shown(cluster: str) -> None:
    token = kubectl(
        "-n", "kube-system", "get", "secrets", "-o", "name", "--field-selector", "type=bootstrap.kubernetes.io/token"
    )
    identifier = token.strip().rpartition("-")[2]
    for node in ("control-plane", "worker", "worker2"):
        assert identifier not in must(docker("inspect", f"{cluster}-{node}"))
        assert identifier not in must(docker("top", f"{cluster}-{node}", "-eo", "args"))
