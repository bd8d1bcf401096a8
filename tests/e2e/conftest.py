"""A module's cluster, the Pods' image, and the nodes' logs below each failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.node import Node, docker, must

APP = Path(__file__).parent / "app"
APP_IMAGE = "bt-e2e-app:1"
LOG_LINES = 60


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests' own program, one static binary."""
    binary = tmp_path_factory.mktemp("app") / "app"
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    subprocess.run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "."], cwd=APP, env=env, check=True)
    return binary


@pytest.fixture(scope="session")
def app_image(app: Path) -> Iterator[str]:
    """That program as an image in the engine's store."""
    archive = subprocess.run(["tar", "-C", app.parent, "-c", app.name], capture_output=True, check=True).stdout
    must(docker("import", "--change", 'ENTRYPOINT ["/app"]', "-", APP_IMAGE, stdin=archive))
    yield APP_IMAGE
    docker("rmi", APP_IMAGE)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Node]:
    """`docker run -d --privileged bootstrap:v1.37.0 init`, and nothing else but a name, for the tests of a module."""
    node = Node("cluster", "init")
    node.wait_healthy()
    yield node
    node.remove()


@pytest.fixture(scope="session")
def gateway() -> str:
    """This machine, as nodes reach it."""
    found = must(docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"))
    return found.strip()


@pytest.fixture
def start() -> Iterator[Callable[..., Node]]:
    """Starts nodes that are removed after the test."""
    before = list(Node.living)
    yield Node
    for node in [n for n in Node.living if n not in before]:
        node.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        for node in Node.living:
            state = docker("inspect", "--format", "{{.State.Status}}, exit code {{.State.ExitCode}}", node.name)
            tail = "\n".join(node.logs().splitlines()[-LOG_LINES:])
            report.sections.append((f"docker logs {node.name} ({state.stdout.strip()})", tail))
    return report


def pytest_sessionfinish() -> None:
    for node in list(Node.living):
        node.remove()
