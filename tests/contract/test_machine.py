"""Units and commands: on a machine with systemd (a container of the image), and from a container that enters it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.inside import units
from tests.memory import MemoryHost

IMAGE = os.environ.get("BOOTSTRAP_IMAGE", "bootstrap:v1.37.0")
ROOT = Path(__file__).parents[2]
SHARED = ("-v", f"{ROOT}/bootstrap:/usr/lib/bootstrap/app/bootstrap:ro", "-v", f"{Path(__file__).parent}:/contract:ro")
"""The tree as it is now, not as it was when the image was built."""
PYTHON = ("/usr/bin/python3", "-IS", "/contract/inside.py")


def docker(*args: str, timeout: float = 120) -> str:
    done = subprocess.run(["docker", *args], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{args}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def machine() -> Iterator[str]:
    name = f"bt-contract-{os.getpid()}"
    docker("run", "-d", "--privileged", "--name", name, "--hostname", "contract", *SHARED, IMAGE, "node")
    try:
        deadline = time.monotonic() + 60
        booted = ["docker", "exec", name, "systemctl", "is-system-running", "--wait"]
        while subprocess.run(booted, capture_output=True, check=False).stdout not in (b"running\n", b"degraded\n"):
            assert time.monotonic() < deadline, docker("logs", name)
            time.sleep(0.2)
        yield name
    finally:
        subprocess.run(["docker", "rm", "-fv", name], capture_output=True, check=False)


def test_units_in_memory() -> None:
    units(MemoryHost())


@pytest.mark.parametrize("check", ["units", "commands"])
def test_on_the_machine_itself(machine: str, check: str) -> None:
    docker("exec", machine, *PYTHON, check)


def test_from_a_container_that_enters_it(machine: str) -> None:
    root = docker("inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", machine).strip()
    shares = (f"--pid=container:{machine}", f"--network=container:{machine}", "-v", f"{root}:/host")
    docker("run", "--rm", "--privileged", *shares, *SHARED, "--entrypoint", PYTHON[0], IMAGE, *PYTHON[1:], "entered")
