"""Unit tests need nothing: no process is started, no socket is opened, no file is written outside of tmp_path."""

from __future__ import annotations

import builtins
import io
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest
import requests  # noqa: F401 - binds a port when it is loaded, which some tests cause within

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@pytest.fixture(autouse=True)
def _no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", _refuse("a unit test starts a process"))
    monkeypatch.setattr(os, "system", _refuse("a unit test starts a process"))
    monkeypatch.setattr(socket.socket, "connect", _refuse("a unit test opens a connection"))
    monkeypatch.setattr(socket.socket, "bind", _refuse("a unit test opens a port"))
    opened, os_opened = builtins.open, os.open

    def guarded_open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if set(mode) & set("wax+"):
            _inside_tmp(file)
        return opened(file, mode, *args, **kwargs)

    def guarded_os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & WRITING:
            directory = kwargs.get("dir_fd")
            _inside_tmp(path if directory is None else f"{os.readlink(f'/proc/self/fd/{directory}')}/{path}")
        return os_opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", guarded_open)
    monkeypatch.setattr(io, "open", guarded_open)
    monkeypatch.setattr(os, "open", guarded_os_open)


def _refuse(what: str) -> Any:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        pytest.fail(what)

    return refuse


def _inside_tmp(file: Any) -> None:
    if isinstance(file, int):
        return
    path = Path(os.fsdecode(file)).absolute()
    if path != Path(os.devnull) and not path.is_relative_to(Path(tempfile.gettempdir()).resolve()):
        pytest.fail(f"a unit test writes {path}")
