"""Whatever happens, there is one message and a documented code; a node container ends with it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import NoReturn

import pytest

from bootstrap.cli import main
from bootstrap.host.live import LiveHost
from bootstrap.host.node import pid1
from bootstrap.model.errors import BootstrapError, Exit


def fails(error: Exception) -> Callable[..., NoReturn]:
    def run(*arguments: object) -> NoReturn:
        raise error

    return run


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RecursionError("deep"), MemoryError(), OSError(22, "what?")])
def test_a_bug_is_exit_1_with_its_lines_and_one_message(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.guarded(fails(error)) == Exit.BUG
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.count("✗ a bug in bootstrap") == 1
    assert "next" in shown


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EMFILE])
def test_what_the_machine_refuses_is_no_bug(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.guarded(fails(OSError(number, os.strerror(number), "/x"))) == Exit.EFFECT
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert f"{os.strerror(number)}: '/x'" in shown


def test_a_server_that_does_not_answer_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.guarded(fails(ConnectionError("timed out"))) == Exit.API
    assert main.guarded(fails(ConnectionResetError("ours is a plain one"))) == Exit.BUG
    assert "the API server does not answer: timed out" in capsys.readouterr().err


def test_who_reads_no_further_is_no_bug(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[int, int]] = []
    monkeypatch.setattr(main.os, "dup2", lambda old, new: moved.append((old, new)))
    monkeypatch.setattr(main.os, "open", lambda path, flags: 99)
    monkeypatch.setattr(main.sys, "stdout", FileOne())

    assert main.guarded(fails(BrokenPipeError())) == Exit.INTERRUPTED
    assert moved == [(99, 1)]
    assert capsys.readouterr().err == ""


class FileOne:
    def fileno(self) -> int:
        return 1


class Recording(LiveHost):
    """The host of a unit whose arguments were kept; commands are only noted."""

    ran: list[list[str]]

    def run(self, argv: Sequence[str], timeout: float = 60) -> str:
        Recording.ran.append([*argv])
        return ""


@pytest.mark.parametrize(
    ("argv", "error", "ends"),
    [
        (["init"], ZeroDivisionError("x"), Exit.BUG),
        (["init", "--exit-on-failure"], ZeroDivisionError("x"), Exit.BUG),
        (["node"], RecursionError("x"), Exit.BUG),
        (["init"], BootstrapError("x", code=Exit.CONFIG), Exit.CONFIG),
        (["init"], BootstrapError("x", code=Exit.WAIT), None),
        (["init", "--exit-on-failure"], BootstrapError("x", code=Exit.WAIT), Exit.WAIT),
    ],
)
def test_the_container_ends_with_the_code(
    argv: list[str], error: Exception, ends: Exit | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Recording.ran = []
    monkeypatch.setattr("bootstrap.host.live.LiveHost", Recording)
    monkeypatch.setattr(pid1, "kept_request", lambda: (argv, {}))
    monkeypatch.setattr(main, "_command_line", fails(error))

    assert main._unit() == (error.code if isinstance(error, BootstrapError) else Exit.BUG)
    assert Recording.ran == ([["systemctl", "exit", str(int(ends))]] if ends else [])


@pytest.mark.parametrize(
    ("stored", "verb"),
    [
        (None, "node"),
        (b"kind: InitConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\n", "init"),
        (
            b"kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\n"
            b"discovery: {bootstrapToken: {apiServerEndpoint: '192.0.2.1:6443'}}\n",
            "join",
        ),
    ],
)
def test_an_empty_node_starts_as_what_it_became(
    stored: bytes | None, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(LiveHost, "read", lambda host, path: stored)
    monkeypatch.setattr(pid1, "kept_request", lambda: (["node"], {}))
    monkeypatch.setattr(main, "_command_line", lambda argv: ran.extend(argv) or 0)

    assert main._unit() == 0
    assert ran == [verb]


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        ("init", False),
        ("init --config f", False),
        ("node", False),
        ("init --dry-run", True),
        ("node --help", True),
        ("init phase certs all", True),
    ],
)
def test_what_makes_no_node_is_not_asked_for_one(words: str, asks: bool) -> None:
    assert main._asks_only(words.split()) is asks
