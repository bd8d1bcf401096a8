"""Options of single suites: pytest reads them only from here, whatever it is asked to run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sweep", action="store_true", help="every point of every fault, not a part of them")
    parser.addoption("--figures", action="store_true", help="write what was tried and survived into faults.md")
