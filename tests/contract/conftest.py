"""Each test that takes `subject` runs twice: on a host in memory and on the live one, in a scratch root. Root only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.subjects import Live, Memory, Subject


@pytest.fixture(scope="session", autouse=True)
def _root_only() -> None:
    assert os.geteuid() == 0, "the contract suite changes owners and mounts: run it as root"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    subject = Live(tmp_path)
    yield subject
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]  # \040 is a space
    for point in sorted((p for p in points if p.startswith(f"{tmp_path}/")), key=len, reverse=True):
        subprocess.run(["umount", point], check=True)


@pytest.fixture(params=["memory", "live"])
def subject(request: pytest.FixtureRequest) -> Subject:
    return Memory() if request.param == "memory" else request.getfixturevalue("live")  # type: ignore[no-any-return]
