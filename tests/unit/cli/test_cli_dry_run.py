"""`dryRun: true` in a file is `--dry-run`: nothing is written, and PID 1 becomes no node."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bootstrap.cli import main
from bootstrap.host.node import pid1
from bootstrap.host.node.dry_run import wants_dry_run
from bootstrap.workflows import mode

INIT = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
JOIN = INIT.replace("Init", "Join")
FILES = [
    (INIT + "dryRun: true\n", True),
    (INIT + "dryRun: yes\n", True),
    (INIT + "dryRun: false\n", False),
    (INIT + "# dryRun: true\n", False),
    (JOIN + "dryRun: true\n", True),
    ("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: dryRun\n---\n" + INIT, False),
    ("", False),
]


@pytest.mark.parametrize(("text", "asked"), FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_can_ask_for_it(text: str, asked: bool, encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding=encoding)

    assert wants_dry_run(["init", "--config", str(file)]) == asked
    assert wants_dry_run(["init", f"--config={file}", "--wait", "api"]) == asked


@pytest.mark.parametrize("argv", [["init"], ["init", "--config", "/none"], ["node"]])
def test_no_file_asks_for_nothing(argv: list[str]) -> None:
    assert not wants_dry_run(argv)


def test_standard_input_is_read_again_by_who_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "stdin"
    file.write_text(INIT + "dryRun: true\n")
    with file.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)

        assert wants_dry_run(["init", "--config", "-"])
        assert sys.stdin.buffer.read() == file.read_bytes()


@pytest.mark.parametrize(("text", "asked"), FILES[:3])
def test_no_node_is_made_then(text: str, asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    file = tmp_path / "c.yaml"
    file.write_text(text)
    monkeypatch.setattr(mode, "may_boot", lambda: True)
    monkeypatch.setattr(pid1, "become_node", lambda argv: did.append("node"))
    monkeypatch.setattr(main, "_command_line", lambda argv: 0)

    main._start(["init", "--config", str(file)])
    assert did == ([] if asked else ["node"])
