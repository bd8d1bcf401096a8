"""Commands in containers, by the engine: what they say, and what they are fed."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.host.docker.engine import asked

AGAIN = 0.02
"""Seconds until the engine is asked again whether a command has ended."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: bytes = b""

    @property
    def lines(self) -> list[str]:
        """All that it said, errors last."""
        return (self.out + self.err).decode(errors="replace").splitlines()


def run(client: Any, name: str, argv: Sequence[str]) -> Ran:
    api = client.api
    with asked(f"to run a command in {name}"):
        made = api.exec_create(name, list(argv))["Id"]
        out, err = api.exec_start(made, demux=True)
        return Ran(_exit_code(api, made), out or b"", err or b"")


def _exit_code(api: Any, made: str) -> int:
    """The engine may hear of a command's end later than its output ends."""
    while (found := api.exec_inspect(made))["Running"]:
        time.sleep(AGAIN)
    return int(found["ExitCode"])


class Fed:
    """A command with a stream on its standard input; what it says is read at the end, so that it should be little."""

    def __init__(self, client: Any, name: str, argv: Sequence[str]) -> None:
        self._api, self._name = client.api, name
        with asked(f"to run a command in {name}"):
            self._id = self._api.exec_create(name, list(argv), stdin=True)["Id"]
            self._stream = self._api.exec_start(self._id, socket=True)
        self._socket: socket.socket = getattr(self._stream, "_sock", self._stream)
        self._open = True

    def write(self, chunk: bytes) -> None:
        """A command that has ended takes no more, and says why at the end."""
        if self._open:
            try:
                self._socket.sendall(chunk)
            except OSError:
                self._open = False

    def end(self) -> Ran:
        from docker.utils.socket import demux_adaptor, frames_iter

        if self._open:
            self._socket.shutdown(socket.SHUT_WR)
        parts = [demux_adaptor(*frame) for frame in frames_iter(self._stream, tty=False)]
        self._stream.close()
        out, err = (b"".join(part[i] or b"" for part in parts) for i in (0, 1))
        with asked(f"a command in {self._name}"):
            return Ran(_exit_code(self._api, self._id), out, err)
