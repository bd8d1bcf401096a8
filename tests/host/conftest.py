"""The tests' own image, and the journal of every machine below each failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.node import docker, must
from tests.host.machine import APP_IMAGE, ROOT, Machine

LOG_LINES = 60
machines: list[Machine] = []


@pytest.fixture(scope="module")
def make() -> Iterator[Callable[..., Machine]]:
    """Makes machines that the tests of a module share, and removes them after those."""
    mine: list[Machine] = []

    def machine(*arguments: object, kind: type[Machine] = Machine, **options: object) -> Machine:
        made = kind(*arguments, **options)  # type: ignore[arg-type]
        mine.append(made)
        machines.append(made)
        return made

    yield machine
    for made in mine:
        machines.remove(made)
        made.remove()


@pytest.fixture(scope="session")
def app_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A web server and its client, in the engine's store."""
    binary: Path = tmp_path_factory.mktemp("app") / "app"
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(binary), "."]
    subprocess.run(command, cwd=ROOT / "tests/e2e/app", env=env, check=True)
    archive = subprocess.run(["tar", "-C", binary.parent, "-c", binary.name], capture_output=True, check=True).stdout
    must(docker("import", "--change", 'ENTRYPOINT ["/app"]', "-", APP_IMAGE, stdin=archive))
    return APP_IMAGE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        for made in machines:
            units = "-u kubelet -u bootstrap-containerd -u bootstrap-network -u docker -u containerd"
            tail = made.sh(f"journalctl {units} -n {LOG_LINES} --no-pager").stdout
            report.sections.append((made.name, tail))
    return report
