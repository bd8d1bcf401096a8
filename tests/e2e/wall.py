"""A wall around a machine: nothing leaves it, and every packet that tried is counted, with where it wanted to go."""

from __future__ import annotations

import json
from collections.abc import Callable

RULES = """\
table inet wall {
  counter services { }
  counter others { }
  set seen { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1000; }
  chain leaving {
    type filter hook postrouting priority 300; policy accept;
    oifname != "eth0" accept
    meta nfproto ipv6 ip6 daddr { fe80::/10, ff02::/16 } drop
    ip daddr 224.0.0.0/24 drop
    meta l4proto { tcp, udp } add @seen { ip daddr . meta l4proto . th dport }
    ip daddr 10.96.0.0/12 counter name services drop
    counter name others drop
  }
}
"""
"""After every translation of addresses. What only keeps the link itself (neighbours, groups) is not counted."""


def tried(run: Callable[[str], str]) -> dict[str, object]:
    """Packets that wanted to leave, to Service addresses and elsewhere, and where; `run` is a shell on the machine."""
    found = json.loads(run("nft -j list table inet wall"))["nftables"]
    counts = {o["counter"]["name"]: o["counter"]["packets"] for o in found if "counter" in o}
    seen = [e["concat"] for o in found if "set" in o for e in map(_element, o["set"].get("elem", ()))]
    return {**counts, "seen": seen}


NOTHING: dict[str, object] = {"services": 0, "others": 0, "seen": []}


def _element(found: dict[str, dict[str, object]]) -> dict[str, object]:
    """nft wraps elements of a dynamic set that have more than a key."""
    return found["elem"]["val"] if "elem" in found else found  # type: ignore[return-value]
