"""Root only. Every trial is counted; `--figures` writes the counts into the reference."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scorecard import SCORES, Score, page
from tests.faults.scratch import Scratch, memory_disk, scratch

PAGE = Path(__file__).parents[2] / "docs/reference/faults.md"


@pytest.fixture(scope="session", autouse=True)
def _root_only() -> None:
    assert os.geteuid() == 0, "the fault suite changes owners and mounts: run it as root"


@pytest.fixture(scope="session")
def sweep(request: pytest.FixtureRequest) -> bool:
    """Whether all points are tried."""
    return bool(request.config.getoption("--sweep"))


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with memory_disk(tmp_path_factory.mktemp("disk") / "memory") as top:
        yield top


@pytest.fixture
def host(disk: Path) -> Iterator[Scratch]:
    with scratch(disk) as made:
        yield made


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Iterator[Score]:
    """Counts the trials of a test; they fail it together at its end."""
    parameters = getattr(request.node, "callspec", None)
    made = Score(str(request.node.function.__doc__).format_map(parameters.params if parameters else {}))
    yield made
    SCORES.append(made)
    assert made.tried, "nothing was tried"
    assert not made.failures, f"{made.survived} of {made.tried} survived\n" + "\n".join(made.failures[:10])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--figures") and SCORES:
        PAGE.write_text(page(SCORES, PAGE.read_text() if PAGE.exists() else ""))
