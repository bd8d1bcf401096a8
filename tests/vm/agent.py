"""A client of the QEMU guest agent: runs commands inside the machine over a virtio serial port.

The protocol is the agent's own (https://www.qemu.org/docs/master/interop/qemu-ga-ref.html): JSON, a line each way.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

POLL = 0.3
"""Seconds until the first look at a command."""
SELDOM = 10.0
"""Seconds between two looks at a command that has run for long: each costs the emulated machine a little."""
REPLY = 30.0
"""Seconds for the agent's answer to one request; a busy machine is slow."""


class Agent:
    """One connection. `alive` raises when the machine has ended, so that nobody waits for a dead one."""

    def __init__(self, path: Path, alive: Callable[[], None]) -> None:
        self._path = path
        self._alive = alive
        self._socket = socket.socket(socket.AF_UNIX)
        self._received = b""

    def connect(self, timeout: float) -> None:
        """Returns once the agent answers; raises AssertionError after `timeout` seconds without an answer."""
        self._reach()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            marker = secrets.randbelow(2**31)
            self._send("guest-sync", id=marker)
            if self._synchronized(marker):
                return
        raise AssertionError(f"the machine's agent did not answer within {timeout:.0f} s")

    def _reach(self) -> None:
        """Until the emulator listens."""
        while True:
            self._alive()
            with suppress(FileNotFoundError, ConnectionRefusedError):
                return self._socket.connect(str(self._path))
            time.sleep(POLL)

    def run(self, argv: tuple[str, ...], stdin: bytes | None, timeout: float) -> subprocess.CompletedProcess[str]:
        """A command's exit code and output; after `timeout` seconds it is killed and TimeoutExpired is raised."""
        given = {"input-data": base64.b64encode(stdin).decode()} if stdin is not None else {}
        started = self._ask("guest-exec", path=argv[0], arg=argv[1:], **{"capture-output": True}, **given)
        start = time.monotonic()
        while not (status := self._ask("guest-exec-status", pid=started["pid"]))["exited"]:
            passed = time.monotonic() - start
            if passed > timeout:
                self._ask("guest-exec", path="kill", arg=["-KILL", str(started["pid"])])
                raise subprocess.TimeoutExpired(argv, timeout)
            time.sleep(min(POLL + passed / 10, SELDOM))
        output, errors = (base64.b64decode(status.get(key, "")).decode() for key in ("out-data", "err-data"))
        code = status.get("exitcode", -status.get("signal", 0))
        return subprocess.CompletedProcess(argv, code, output, errors)

    def shut_down(self, mode: str) -> None:
        """Start a `powerdown` or a `reboot`; the agent does not answer this request."""
        self._send("guest-shutdown", mode=mode)

    def close(self) -> None:
        self._socket.close()

    def _ask(self, request: str, **arguments: Any) -> Any:
        self._send(request, **arguments)
        answer = self._receive(REPLY)
        assert "return" in answer, f"{request} {arguments}: {answer}"
        return answer["return"]

    def _send(self, request: str, **arguments: Any) -> None:
        self._socket.settimeout(REPLY)
        with suppress(ConnectionError):  # who waits for the answer finds out why
            self._socket.sendall(json.dumps({"execute": request, "arguments": arguments}).encode() + b"\n")

    def _synchronized(self, marker: int) -> bool:
        """Whether the answer to this very request came; answers to earlier ones are dropped."""
        try:
            while self._receive(3).get("return") != marker:
                pass
        except TimeoutError:
            return False
        return True

    def _receive(self, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while b"\n" not in self._received:
            self._alive()
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no answer from the machine's agent within {timeout:.0f} s")
            self._socket.settimeout(min(left, 1))
            try:
                data = self._socket.recv(1 << 20)
            except (TimeoutError, ConnectionError):
                continue
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer
