"""Whether somebody has the control plane's address already, and what a keepalived of the machine's own uses."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.facts import virtual_address
from bootstrap.model.cluster import ClusterConfig
from tests.configs import changed
from tests.memory import MemoryHost

CFG = resolve(Documents(), Overrides(control_plane_vip="192.0.2.200"), ANY_HOST)
ASKED = "ip -j neighbour show 192.0.2.200"
ANSWERED = '[{"dst":"192.0.2.200","dev":"eth0","lladdr":"02:42:c0:00:02:c8","state":["REACHABLE"]}]'
SILENT = '[{"dst":"192.0.2.200","dev":"eth0","state":["FAILED"]}]'


def holder(monkeypatch: pytest.MonkeyPatch, answer: Any, neighbours: str = "", cfg: ClusterConfig = CFG) -> str:
    def connect(address: tuple[str, int], timeout: float) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(socket, "create_connection", connect)
    host = MemoryHost()
    host.outputs[ASKED] = neighbours
    return virtual_address.holder(host, cfg)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "neighbours", "words"),
    [
        (TimeoutError(), ANSWERED, "hardware address 02:42:c0:00:02:c8"),
        (ConnectionRefusedError(), ANSWERED, "hardware address 02:42:c0:00:02:c8"),
        (ConnectionRefusedError(), "", "refuses connections"),
        (nullcontext(), "", "port 6443 takes connections"),
    ],
)
def test_who_answers_has_it(monkeypatch: pytest.MonkeyPatch, answer: Any, neighbours: str, words: str) -> None:
    assert words in holder(monkeypatch, answer, neighbours)


@pytest.mark.parametrize("neighbours", ["", "[]", SILENT])
def test_silence_means_that_it_is_free(monkeypatch: pytest.MonkeyPatch, neighbours: str) -> None:
    assert holder(monkeypatch, OSError("no route to host"), neighbours) == ""
    assert holder(monkeypatch, TimeoutError(), neighbours) == ""


def test_who_joins_does_not_ask_since_another_has_it_rightly(monkeypatch: pytest.MonkeyPatch) -> None:
    joins = changed(CFG, server="192.0.2.200:6443")

    assert holder(monkeypatch, nullcontext(), cfg=joins) == ""
    assert holder(monkeypatch, nullcontext(), cfg=resolve(Documents(), Overrides(), ANY_HOST)) == ""


def test_ids_are_those_of_its_instances() -> None:
    host = MemoryHost()
    assert virtual_address.router_ids(host) == ()
    lines = ("vrrp_instance a {", "  virtual_router_id 51", "}", "\tvirtual_router_id  7 # x", "# virtual_router_id 9")
    host.mkdir("/etc/keepalived", 0o755)
    host.write(virtual_address.OWN_CONFIG, "\n".join(lines).encode(), 0o644)

    assert virtual_address.router_ids(host) == (51, 7)
