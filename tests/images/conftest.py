"""The images inside for every architecture, built: minutes, or an hour when components have to be compiled first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.host.images.layout import Layout

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from bootstrap.cli.main import main; sys.exit(main())"
Bootstrap = Callable[..., subprocess.CompletedProcess[str]]


def build_images(folder: Path, **environment: str) -> Path:
    """`make images-all`, into a folder."""
    words = [sys.executable, str(ROOT / "scripts/build_images.py"), str(folder)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **environment})
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def layout() -> Layout:
    return Layout(build_images(ROOT / "build/images"))


@pytest.fixture(scope="session")
def bootstrap() -> Bootstrap:
    """Runs `bootstrap WORDS` to its end."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        argv = [sys.executable, "-c", MAIN, *map(str, words)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False, env=env)

    return run
