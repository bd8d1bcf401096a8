"""Writes the hashes of the Python packages: `.venv/bin/python scripts/lock_requirements.py`.

The files name every package with its exact version, the transitive ones included. To change one, edit its version (or
add a line) and run this: pip says which file each Python and each architecture would get, and its hash; nothing is
installed. Whoever installs from the files afterwards takes those files and no others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("requirements.lock", "requirements-dev.txt")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Those that the program and the tests run on; that of the image is among them."""
MACHINES = ("x86_64", "aarch64")
BACKPORT = ' ; python_version < "3.14"'


def pins(text: str) -> list[str]:
    """`name==version`, with its marker: what people write."""
    lines = (line.removesuffix("\\").strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-", "--hash"))]


def hashes(pinned: list[str], python: str, machine: str) -> dict[str, str]:
    """Hash of the wheel that this Python on this machine gets, by the package's name as pip compares it."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted"
        wanted.write_text("\n".join(line for line in pinned if python != "3.14" or not line.endswith(BACKPORT)))
        options = ["--dry-run", "--ignore-installed", "--quiet", "--no-deps", "--only-binary=:all:"]
        where = ["--python-version", python, "--implementation", "cp", "--target", folder]
        platforms = [f"--platform=manylinux_2_28_{machine}", f"--platform=manylinux2014_{machine}"]
        argv = [sys.executable, "-m", "pip", "install", *options, *where, *platforms, "--report=-", "-r", str(wanted)]
        report = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {
        _compared(entry["metadata"]["name"]): entry["download_info"]["archive_info"]["hashes"]["sha256"]
        for entry in report["install"]
    }


def locked(text: str) -> str:
    """A file with the hashes that are right now; comments and options stay at its head."""
    found: dict[str, set[str]] = defaultdict(set)
    pinned = pins(text)
    for python in PYTHONS:
        for machine in MACHINES:
            for name, digest in hashes(pinned, python, machine).items():
                found[name].add(digest)
    head = [line for line in text.splitlines() if line.startswith(("#", "-r"))]
    entries = [
        " \\\n    ".join([line, *(f"--hash=sha256:{digest}" for digest in sorted(found[_compared(line)]))])
        for line in sorted(pinned, key=_compared)
    ]
    return "\n".join([*head, *entries]) + "\n"


def _compared(line: str) -> str:
    """A package's name as indexes compare it."""
    name = line.partition("==")[0].strip()
    return name.lower().replace("_", "-").replace(".", "-")


def main() -> None:
    for name in FILES:
        path = ROOT / name
        path.write_text(locked(path.read_text()))
        print(path)


if __name__ == "__main__":
    main()
