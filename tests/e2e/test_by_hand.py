"""The commands of two pages of the documentation, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.node import IMAGE, PREFIX, Node, docker

PAGES = Path(__file__).parents[2] / "docs/how-to"


def blocks(page: str, name: str, ours: str) -> list[str]:
    """The commands of each block, with our name of the container and of the image."""
    found = re.findall(r"^```sh\n(.*?)^```$", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"\b{name}\b(?!\.)", ours, b.replace("bootstrap:v1.37.0", IMAGE)) for b in found]


def type_in(commands: str) -> str:
    words = ["timeout", "120", "sh", "-ec", commands]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def hand() -> Iterator[str]:
    name = f"{PREFIX}-hand-{os.getpid()}"
    yield name
    docker("rm", "-fv", *(f"{name}{part}" for part in ("-scheduler", "-controllers", "-apiserver", "-etcd", "")))
    docker("volume", "rm", "-f", name)


def test_a_control_plane_by_hand(hand: str) -> None:
    keys, programs, use, away = blocks("by-hand.md", "hand", hand)
    type_in(keys)
    type_in(programs)

    said = type_in(use)
    assert "namespace/mine created" in said
    assert re.search(r"^default ", said, re.MULTILINE), "the controller manager makes it"
    type_in(away)
    assert docker("volume", "inspect", hand).returncode != 0


def test_components_as_units() -> None:
    node = Node("units", "init", "--wait", "api")
    try:
        node.wait_healthy()
        look, drop_in, unit, back = blocks("units.md", "k8s", node.name)

        assert "kube-apiserver" in type_in(look)
        assert "OOMScoreAdjust=-999" in type_in(drop_in)
        assert type_in(unit).splitlines()[-1:] != ["failed"]
        assert node.exec("systemctl", "is-active", "kube-scheduler").stdout.strip() == "active"
        type_in(back)
    finally:
        node.remove()
