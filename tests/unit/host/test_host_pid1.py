"""PID 1: what the user gave is kept, cgroup hierarchies are named right."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from bootstrap.host.node import pid1
from bootstrap.host.node.pid1 import _hierarchy, keep_request, kept_request, option_position, proxies
from bootstrap.model.errors import BootstrapError, Exit


@pytest.mark.parametrize(
    ("words", "position"),
    [
        (["init"], None),
        (["init", "--config", "a.yaml"], (2, "")),
        (["init", "--config=a.yaml", "--wait=api"], (1, "--config=")),
        (["init", "--config="], (1, "--config=")),
        (["init", "--config"], None),
        (["init", "--configuration=x"], None),
        (["init", "--config", "-"], (2, "")),
    ],
)
def test_config_is_found_in_both_spellings(words: list[str], position: tuple[int, str] | None) -> None:
    assert option_position(words, "--config") == position


@pytest.mark.parametrize(
    ("kind", "options", "mounted"),
    [
        ("cgroup2", "rw,nosuid,nodev,noexec,relatime,nsdelegate", "rw,nosuid,nodev,noexec"),
        ("cgroup", "ro,nosuid,nodev,noexec,relatime,cpu,cpuacct", "cpu,cpuacct"),
        ("cgroup", "rw,relatime,memory", "memory"),
        (
            "cgroup",
            "rw,nosuid,nodev,noexec,relatime,xattr,release_agent=/lib/systemd/agent,name=systemd",
            "none,name=systemd",
        ),
        ("cgroup", "ro,cpuset,clone_children", "cpuset"),
    ],
)
def test_a_hierarchy_is_named_by_its_controllers(kind: str, options: str, mounted: str) -> None:
    assert _hierarchy(kind, options) == mounted


def test_only_proxy_variables_that_say_something_are_kept() -> None:
    environment = {"HTTP_PROXY": "http://p", "no_proxy": "a,b", "https_proxy": "", "PATH": "/bin", "TOKEN": "secret"}

    assert proxies(environment) == {"HTTP_PROXY": "http://p", "no_proxy": "a,b"}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setattr(pid1, "STATE", folder)
    monkeypatch.setattr(pid1, "ARGV_FILE", folder / "argv.json")
    return folder


def test_the_request_is_kept_private(state: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.write_bytes(b"kind: X\n")

    keep_request(["init", f"--config={given}", "--wait=api"])

    assert (state / "config.yaml").read_bytes() == b"kind: X\n"
    assert kept_request()[0] == ["init", f"--config={state}/config.yaml", "--wait=api"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state, *state.iterdir())}
    assert modes == {"state": 0o700, "argv.json": 0o600, "config.yaml": 0o600}


class Stdin:
    """Standard input with these bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_standard_input_is_kept_for_the_next_start(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"kind: X\n", b""):  # the second start has none
        monkeypatch.setattr(sys, "stdin", Stdin(content))
        keep_request(["init", "--config", "-"])

    assert (state / "config.yaml").read_bytes() == b"kind: X\n"


def test_a_config_that_is_gone_at_the_next_start_is_the_kept_one(state: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.write_bytes(b"kind: X\n")
    keep_request(["init", "--config", str(given)])
    given.unlink()

    keep_request(["init", "--config", str(given)])

    assert (state / "config.yaml").read_bytes() == b"kind: X\n"


@pytest.mark.usefixtures("state")
def test_a_config_that_never_was_is_an_error_with_the_mount_that_lacks() -> None:
    with pytest.raises(BootstrapError) as caught:
        keep_request(["init", "--config", "/no/where.yaml"])

    assert caught.value.code == Exit.CONFIG
    assert "-v $PWD/config.yaml:/no/where.yaml" in caught.value.fix


@pytest.mark.parametrize("content", [None, "", "{"], ids=["none", "cut off", "damaged"])
def test_a_container_that_nobody_asked_for_anything_says_so(content: str | None, state: Path) -> None:
    if content is not None:
        state.mkdir()
        (state / "argv.json").write_text(content)

    with pytest.raises(BootstrapError) as caught:
        kept_request()
    assert caught.value.code == Exit.USAGE


def test_proxies_travel_with_the_request(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")

    keep_request(["init"])

    assert json.loads((state / "argv.json").read_text())["environment"]["HTTPS_PROXY"] == "http://proxy:3128"


def test_a_token_from_standard_input_stands_in_no_argument(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"abcdef.0123456789abcdef\n", b""):  # the second start has none
        monkeypatch.setattr(sys, "stdin", Stdin(content))
        keep_request(["join", "192.0.2.1:6443", "--token-file", "-"])

    assert kept_request()[0] == ["join", "192.0.2.1:6443", "--token-file", str(state / "token")]
    assert (state / "token").read_bytes() == b"abcdef.0123456789abcdef\n"
    assert (state / "token").stat().st_mode & 0o777 == 0o600
