"""The packages of the program: exact versions, each with the hashes of its files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import lock_requirements
import pytest
from lock_requirements import BACKPORT, pins

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
FILES = {name: (ROOT / name).read_text() for name in lock_requirements.FILES}
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")


@pytest.mark.parametrize("name", FILES)
def test_every_package_has_one_version_and_its_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", FILES[name].strip())
    entries = [entry for entry in entries if not entry.startswith(("#", "-r"))]

    assert len(entries) == len(pins(FILES[name])) >= 10
    assert all(PIN.fullmatch(line.removesuffix(BACKPORT)) for line in pins(FILES[name]))
    assert all(re.search(r"\\\n    --hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_what_is_compiled_has_a_hash_for_each_machine() -> None:
    """At least one file for each architecture."""
    for name in ("backports.zstd", "cffi", "cryptography", "pydantic_core", "PyYAML"):
        entry = LOCK[LOCK.index(f"\n{name}==") + 1 :]
        assert len(re.findall("--hash", re.split(r"\n(?=\S)", entry)[0])) >= 2, name


def test_everything_that_the_program_names_is_in_it() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {re.split(r"[ ;]", name)[0].lower() for name in named}

    assert wanted <= {line.partition("==")[0].lower() for line in pins(LOCK)}
