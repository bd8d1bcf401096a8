"""With --sweep only: clusters one after the other (ROUNDS of them, 20), and two side by side; not one may fail."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.node import PREFIX, Node, restarted
from tests.e2e.test_clusters import bootstrap, left, readiness

ROUNDS = int(os.environ.get("ROUNDS", "20"))
NAME = f"{PREFIX}-many-{os.getpid()}"


@pytest.fixture(autouse=True)
def _sweep(request: pytest.FixtureRequest) -> Iterator[None]:
    if not request.config.getoption("--sweep"):
        pytest.skip("only with --sweep")
    yield
    for name in (NAME, f"{NAME}-2"):
        bootstrap("delete", name)


def made(name: str, workers: int) -> float:
    began = time.monotonic()
    bootstrap("create", name, "--workers", str(workers))
    took = time.monotonic() - began
    first = Node.found(f"{name}-control-plane")
    assert list(readiness(first).values()) == ["True"] * (1 + workers)
    assert restarted(first.get("pods", "-A")) == {}
    return took


def test_many_in_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    times = []
    for _ in range(ROUNDS):
        times.append(made(NAME, 2))
        bootstrap("delete", NAME)
        assert left(NAME) == []
    with capsys.disabled():
        print(f"\n{ROUNDS} clusters: median {statistics.median(times):.1f} s, {min(times):.1f} to {max(times):.1f} s")


def test_two_side_by_side() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: made(name, 1), (NAME, f"{NAME}-2")))
