"""What `model/names.py` names is written there and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bootstrap.model import names

ROOT = Path(__file__).parents[3] / "bootstrap"
PATHS = tuple(value for value in vars(names).values() if isinstance(value, str) and value.startswith("/"))
PORTS = {value for name, value in vars(names).items() if name.endswith("_PORT")}
GENERATED = {"config/schema/field_table.py"}
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "model" / "names.py"]


def literals(path: Path) -> list[str | int]:
    """Constants of a module but for its texts for people: docstrings, and strings with a blank."""
    tree = ast.parse(path.read_text())
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [value for value in found if isinstance(value, int) or (isinstance(value, str) and " " not in value)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_path_or_port_that_has_a_name_is_written_once(path: Path) -> None:
    written = [value for value in literals(path) if value in PORTS or (isinstance(value, str) and is_named(value))]

    assert written == []


def is_named(text: str) -> bool:
    """Whether a path is one of those, or below one."""
    return any(f"{text}/".startswith(f"{path}/") for path in PATHS)
