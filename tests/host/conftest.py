"""The machine that the host-mode tests share, and its journal below each failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machine import Machine

LOG_LINES = 60
machines: list[Machine] = []


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A Docker host that has the product's image and a busy container; tests leave it as they found it."""
    made = Machine("guest")
    machines.append(made)
    made.load_product()
    yield made
    machines.remove(made)
    made.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        for made in machines:
            units = "-u kubelet -u bootstrap-containerd -u bootstrap-network -u docker"
            tail = made.sh(f"journalctl {units} -n {LOG_LINES} --no-pager").stdout
            report.sections.append((made.name, tail))
    return report
