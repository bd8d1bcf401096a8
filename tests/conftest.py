"""Options of single suites: pytest reads them only from here, whatever it is asked to run.

With KUBERNETES in the environment the suites are about that minor, as its image is: the same program with the values of
that minor in release.py. They are put there before anything is imported that reads them.
"""

from __future__ import annotations

import os

import pytest

if "KUBERNETES" in os.environ:
    import build_image

    from bootstrap.model import release

    exec(build_image.release(), vars(release))  # noqa: S102 - the module that the image gets


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sweep", action="store_true", help="every point of every fault, not a part of them")
    parser.addoption("--figures", action="store_true", help="write what was tried and survived into faults.md")
