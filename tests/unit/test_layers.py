"""Imports point down only, and only the host package touches the machine (docs/architecture.md)."""

from __future__ import annotations

import ast
import graphlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEVELS = {
    "cli": 5,
    "workflows": 4,
    "engine": 3,
    "host": 2,
    "clusters": 1,
    "config": 1,
    "preflight": 1,
    "diagnosis": 1,
    "render": 1,
    "phases": 1,
    "joining": 1,
    "formats": 1,
    "model": 0,
}
IO_MODULES = {"asyncio", "docker", "http", "multiprocessing", "requests", "socket", "subprocess", "urllib3"}
FILE_CALLS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "iterdir", "glob"}
"""Names whose call means that a file is touched; enough for the levels that must not."""
PURE = [name for name, level in LEVELS.items() if level <= 1]
MODULES = sorted((ROOT / "bootstrap").rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in MODULES]


def package(path: Path) -> str:
    return path.relative_to(ROOT / "bootstrap").parts[0]


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a module imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def allowed(importer: str, target: str) -> bool:
    """Down, within a package, and among the packages of level 1."""
    high, low = LEVELS[importer], LEVELS[target]
    return importer == target or high > low or high == low == 1


def test_packages_form_no_circle() -> None:
    needs: dict[str, set[str]] = {name: set() for name in LEVELS}
    for path in MODULES:
        if path.parent != ROOT / "bootstrap":
            targets = {name.split(".")[1] for name in imported(path) if name.startswith("bootstrap.")}
            needs[package(path)] |= targets - {package(path)}

    assert set(graphlib.TopologicalSorter(needs).static_order()) == set(LEVELS)


def test_every_package_has_a_level() -> None:
    packages = {path.parent.name for path in (ROOT / "bootstrap").glob("*/__init__.py")}

    assert packages == set(LEVELS)


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_point_down(path: Path) -> None:
    if path.parent == ROOT / "bootstrap":
        assert imported(path) == set()
        return
    targets = {name.split(".")[1] for name in imported(path) if name.startswith("bootstrap.")}

    assert [t for t in sorted(targets) if not allowed(package(path), t)] == []


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_maintainers_scripts_and_tests_are_never_imported(path: Path) -> None:
    assert {name.split(".")[0] for name in imported(path)} & {"scripts", "tests"} == set()


def test_only_one_reader_and_one_dumper_speak_yaml() -> None:
    speakers = {path.stem for path in MODULES if "yaml" in {name.split(".")[0] for name in imported(path)}}

    assert speakers == {"yaml_reader", "yaml_words", "yaml_text", "yaml_edit"}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_only_the_host_package_does_input_and_output(path: Path) -> None:
    if package(path) == "host":
        return

    assert {name.split(".")[0] for name in imported(path)} & IO_MODULES == set()


SYSTEM_MODULES = {"ctypes", "fcntl", "glob", "os", "pty", "shutil", "signal", "tempfile"}
"""Of the standard library: files, processes, the kernel. Of `pathlib` only what touches a file is asked for."""
PATH_CALLS = {
    *("open", "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "glob", "rglob"),
    *("is_dir", "is_file", "exists", "samefile", "touch", "rename", "rmdir", "symlink_to", "lstat"),
}
ALLOWED_USES = {
    "cli/main.py": {
        *("os.umask", "os.environ", "os.getpid", "os._exit"),  # the process itself: it may be PID 1, and has threads
        *("signal.signal", "signal.SIGTERM", "signal.SIG_DFL"),  # docker stop ends a run as Ctrl-C does
        *("open", "os.open", "os.devnull", "os.O_WRONLY", "os.dup2"),  # its output, when nobody reads it any more
    },
    "cli/screens/screen.py": {"os.environ"},  # what the terminal can show
}
"""Above `host/`, with the reason."""


def system_uses(path: Path) -> set[str]:
    """`module.name` of everything that is taken from a module of the system, and calls that touch a path."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in SYSTEM_MODULES:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in SYSTEM_MODULES:
            found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            found |= {name} & PATH_CALLS
    return found


@pytest.mark.parametrize("path", [p for p in MODULES if package(p) in ("cli", "workflows", "engine")], ids=str)
def test_above_the_host_nothing_touches_a_file_or_a_process(path: Path) -> None:
    assert system_uses(path) <= ALLOWED_USES.get(str(path.relative_to(ROOT / "bootstrap")), set())


def test_what_is_allowed_is_used() -> None:
    for name, uses in ALLOWED_USES.items():
        assert uses == system_uses(ROOT / "bootstrap" / name)


@pytest.mark.parametrize("path", [p for p in MODULES if package(p) in PURE], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_pure_levels_touch_no_file(path: Path) -> None:
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }

    assert calls & FILE_CALLS == set()


@pytest.mark.parametrize("literal", ["/opt/bootstrap", "/opt/cni/bin", "/var/lib/bootstrap/journal", "kubepods.slice"])
def test_a_path_is_written_in_one_place(literal: str) -> None:
    """`model/names.py`; a docstring or an error may speak of it."""
    quoted = [path.name for path in MODULES if f'"{literal}' in path.read_text()]

    assert quoted == ["names.py"]


@pytest.mark.parametrize("path", [p for p in MODULES if package(p) == "model"], ids=lambda p: p.name)
def test_the_model_needs_the_standard_library_only(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)} - {"bootstrap"}

    assert tops <= set(sys.stdlib_module_names)
