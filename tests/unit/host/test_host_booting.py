"""A node container whose runtime is still to come; a host and any other container never are that."""

from __future__ import annotations

import pytest

from bootstrap.host.node.booting import is_starting
from tests.memory import MemoryHost

SOCKET = "unix:///run/containerd/containerd.sock"


@pytest.mark.parametrize(
    ("files", "starting"),
    [
        ((), False),
        (("/etc/bootstrap/argv.json",), True),
        (("/etc/bootstrap/argv.json", "/run/containerd/containerd.sock"), False),
        (("/run/containerd/containerd.sock",), False),
    ],
)
def test_a_node_starts_until_its_socket_is_there(files: tuple[str, ...], starting: bool) -> None:
    host = MemoryHost()
    for path in files:
        host.mkdir(path.rpartition("/")[0], 0o755)
        host.write(path, b"", 0o600)

    assert is_starting(host, SOCKET) is starting
