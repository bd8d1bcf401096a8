"""A node container in its first seconds."""

from __future__ import annotations

from bootstrap.host.node.pid1 import ARGV_FILE
from bootstrap.host.port import HostReader


def is_starting(host: HostReader, socket: str) -> bool:
    """Whether its runtime, behind a CRI socket, is still to be started: by `init`, as soon as systemd runs it."""
    return host.stat(str(ARGV_FILE)) is not None and host.stat(socket.removeprefix("unix://")) is None
