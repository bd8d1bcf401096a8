"""Who has the address that the control planes are to hold, and which ids a keepalived of the machine's own uses."""

from __future__ import annotations

import json
import re
import socket

from bootstrap.host.facts.procfs import attempt
from bootstrap.host.port import Host, HostReader
from bootstrap.model.cluster import ClusterConfig

PATIENCE = 1.0
"""Seconds for an answer: a neighbour has three probes of ARP, or of IPv6's, a second apart, and answers the first."""
OWN_CONFIG = "/etc/keepalived/keepalived.conf"
_ROUTER_ID = re.compile(r"(?m)^\s*virtual_router_id\s+(\d+)")


def holder(host: Host, cfg: ClusterConfig) -> str:
    """What shows that somebody has it, in words; empty when nothing does.

    A neighbour whose packet filter drops all answers for its address all the same.
    """
    vip = cfg.own.control_plane_vip
    if vip is None or cfg.node.api is None or cfg.node.server:
        return ""
    try:
        with socket.create_connection((vip.address, cfg.api.bind_port), timeout=PATIENCE):
            return f"port {cfg.api.bind_port} takes connections there"
    except ConnectionRefusedError:
        refused = "it refuses connections"
    except OSError:
        refused = ""
    known = json.loads(attempt(host, ["ip", "-j", "neighbour", "show", vip.address]) or "[]")
    hardware = next((str(entry["lladdr"]) for entry in known if "lladdr" in entry), "")
    return f"the machine with the hardware address {hardware}" if hardware else refused


def router_ids(host: HostReader) -> tuple[int, ...]:
    """Of the instances in the configuration file that Debian's, Red Hat's and upstream's unit read."""
    text = (host.read(OWN_CONFIG) or b"").decode(errors="replace")
    return tuple(int(found) for found in _ROUTER_ID.findall(text))
