"""VRRP routers in the network of this machine: it listens for as long as each of them takes to speak."""

from __future__ import annotations

import socket
import sys
import time

from bootstrap.model.cluster import ClusterConfig
from bootstrap.render.addresses import is_ipv6

PROTOCOL, GROUP = 112, "224.0.0.18"
"""Of IP, and the multicast address of all routers (RFC 9568, 5.1.1)."""
LISTEN = 1.2
"""Seconds: the default is an advertisement each second, in both versions."""
_HEAD, _ADDRESS = 8, 4
"""Bytes of VRRP's own header, and of each IPv4 address behind it."""


def heard(cfg: ClusterConfig) -> dict[int, str]:
    """Virtual router id → who uses it, in words. Only for IPv4, and not on a machine that joins: there it is ours."""
    vip = cfg.own.control_plane_vip
    if vip is None or cfg.node.api is None or cfg.node.server or is_ipv6(vip.address):
        return {}
    found: dict[int, str] = {}
    end = time.monotonic() + LISTEN
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL) as listening:
            member = socket.inet_aton(GROUP) + socket.inet_aton(cfg.api.advertise_address)
            if vip.interface:
                member += socket.if_nametoindex(vip.interface).to_bytes(4, sys.byteorder)
            listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            while (left := end - time.monotonic()) > 0:
                listening.settimeout(left)
                found |= advertised(listening.recv(1500))
    except OSError:
        pass  # the time is over, or such sockets are not allowed
    return found


def advertised(packet: bytes) -> dict[int, str]:
    """Of one packet with its IP header; nothing of what is no advertisement."""
    payload = packet[(packet[0] & 15) * 4 :] if packet else b""
    if len(payload) < _HEAD or payload[0] & 15 != 1:
        return {}
    rest = payload[_HEAD : _HEAD + payload[3] * _ADDRESS]
    addresses = [socket.inet_ntoa(rest[i : i + _ADDRESS]) for i in range(0, len(rest) - _ADDRESS + 1, _ADDRESS)]
    return {payload[1]: f"{socket.inet_ntoa(packet[12:16])}, for {', '.join(addresses) or 'no address'}"}
