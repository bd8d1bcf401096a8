"""A good bundle for the whole session, and the real command line as a process that is measured."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bundle.corpus import Good, good_bundle

PROGRAM = "import sys; from bootstrap.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Ended:
    """`memory` is the most that was resident, bytes."""

    code: int
    output: str
    errors: str
    memory: int
    seconds: float


def bootstrap(*words: str | Path) -> Ended:
    """Runs `bootstrap WORDS` to its end."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        files = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, errors.fileno(), 2)]
        argv = [sys.executable, "-c", PROGRAM, *map(str, words)]
        pid = os.posix_spawn(sys.executable, argv, {**os.environ, "LC_ALL": "C.UTF-8"}, file_actions=files)
        _, status, usage = os.wait4(pid, 0)
        output.seek(0)
        errors.seek(0)
        return Ended(
            os.waitstatus_to_exitcode(status),
            output.read().decode(),
            errors.read().decode(),
            usage.ru_maxrss * 1024,
            usage.ru_utime + usage.ru_stime,
        )


@pytest.fixture(scope="session")
def run() -> Callable[..., Ended]:
    return bootstrap


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return good_bundle(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def public(good: Good) -> Path:
    path = good.path.with_name("key.pub")
    path.write_bytes(good.public)
    return path
