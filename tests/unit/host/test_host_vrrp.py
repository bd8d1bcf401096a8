"""Who speaks VRRP in the machine's network: read off the packets that keepalived 2.3.3 sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.facts import vrrp
from tests.configs import changed

CFG = resolve(Documents(), Overrides(control_plane_vip="192.0.2.200"), ANY_HOST)
IP = bytes.fromhex("45c00028000100 00ff70".replace(" ", "")) + b"\0\0" + socket.inet_aton("192.0.2.7")
V3 = IP + socket.inet_aton(vrrp.GROUP) + bytes.fromhex("31c8640100320000c0000264")
V2 = IP + socket.inet_aton(vrrp.GROUP) + bytes.fromhex("2133640201010000c0000264c0000265") + b"password"


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (V3, {200: "192.0.2.7, for 192.0.2.100"}),
        (V2, {51: "192.0.2.7, for 192.0.2.100, 192.0.2.101"}),
        (b"", {}),
        (V3[:22], {}),
        (V3[:30], {200: "192.0.2.7, for no address"}),
        (V3[:20] + b"\x32" + V3[21:], {}),
    ],
)
def test_an_advertisement_says_the_id_and_the_addresses(packet: bytes, found: dict[int, str]) -> None:
    assert vrrp.advertised(packet) == found


class Listening:
    """A socket on which two packets arrive, and then nothing."""

    def __init__(self, packets: list[bytes]) -> None:
        self.joined: list[bytes] = []
        self._packets = iter(packets)

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        self.joined.append(value)

    def settimeout(self, seconds: float) -> None:
        assert 0 < seconds <= vrrp.LISTEN

    def recv(self, size: int) -> bytes:
        for packet in self._packets:
            return packet
        raise TimeoutError


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    found = Listening([V3, V2])
    monkeypatch.setattr(socket, "socket", lambda *kind: found)
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: 7)
    yield found


def test_all_that_speak_meanwhile_are_heard(listening: Listening) -> None:
    assert set(vrrp.heard(CFG)) == {200, 51}
    assert listening.joined == [socket.inet_aton(vrrp.GROUP) + socket.inet_aton(CFG.api.advertise_address)]


def test_at_the_interface_that_was_named(listening: Listening) -> None:
    named = resolve(Documents(), Overrides(control_plane_vip="192.0.2.200/eth7"), ANY_HOST)

    assert set(vrrp.heard(named)) == {200, 51}
    assert len(listening.joined[0]) == 12


def test_who_may_not_listen_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*kind: Any) -> Any:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(socket, "socket", refused)
    assert vrrp.heard(CFG) == {}


def test_who_joins_does_not_listen(listening: Listening) -> None:
    assert vrrp.heard(changed(CFG, server="192.0.2.200:6443")) == {}
    assert vrrp.heard(resolve(Documents(), Overrides(), ANY_HOST)) == {}
    assert listening.joined == []
