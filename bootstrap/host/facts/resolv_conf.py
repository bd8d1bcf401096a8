"""Which name servers Pods can use: a loopback one of the node is nobody's in a Pod."""

from __future__ import annotations

import re
from ipaddress import ip_address


def servers(resolv_conf: str) -> tuple[str, ...]:
    """The addresses of its `nameserver` lines."""
    words = [line.split() for line in resolv_conf.splitlines()]
    return tuple(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")


def for_pods(resolv_conf: str, gateway: str) -> str:
    """Empty when `resolv.conf` serves Pods as it is, else the one that they get instead.

    On a network that the user made, Docker's own resolver listens on 127.0.0.11 of the node, and CoreDNS would ask
    itself. Docker notes the servers behind it in a comment, `# ExtServers: [10.0.0.2 host(127.0.0.53)]`; those marked
    `host` are not reachable from a container. With none left it is the gateway, where a resolver may listen or not.
    """
    lines = resolv_conf.splitlines()
    if any(not ip_address(server.partition("%")[0]).is_loopback for server in servers(resolv_conf)):
        return ""
    behind = re.search(r"ExtServers: \[(.*)\]", resolv_conf)
    reachable = [s for s in behind.group(1).split() if not s.startswith("host(")] if behind else []
    chosen = reachable or ([gateway] if gateway else [])
    kept = [line for line in lines if line.startswith(("search", "options"))]
    return "\n".join([*(f"nameserver {server}" for server in chosen), *kept, ""]) if chosen else ""
