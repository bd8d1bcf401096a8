"""Which name servers Pods can use: those that only the node itself reaches are nobody's in a Pod."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bootstrap.host.port import HostReader
from bootstrap.model.facts import Resolver
from bootstrap.preflight.name_servers import reachable


def resolver(host: HostReader, path: str) -> Resolver:
    """What a resolv.conf says, or why it says nothing."""
    content = host.read(path)
    if content is not None:
        return Resolver(path, servers(content.decode(errors="replace")))
    target = host.readlink(path)
    return Resolver(path, (), f"is a link to {target}, which does not exist" if target else "does not exist")


def servers(resolv_conf: str) -> tuple[str, ...]:
    """The addresses of its `nameserver` lines."""
    words = [line.split() for line in resolv_conf.splitlines()]
    return tuple(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")


def for_pods(resolv_conf: str, otherwise: Sequence[str]) -> str:
    """Empty when `resolv.conf` serves Pods as it is, else the one that they get instead.

    Servers that no Pod reaches are left out. On a network that the user made, Docker's own resolver listens on
    127.0.0.11 of the node, and CoreDNS would ask itself. Docker notes the servers behind it in a comment,
    `# ExtServers: [10.0.0.2 host(127.0.0.53)]`; those marked `host` are not reachable from a container. With none left
    it is the first of `otherwise`, where a resolver may listen or not: CoreDNS does not start without any.
    """
    lines, named = resolv_conf.splitlines(), servers(resolv_conf)
    kept = tuple(server for server in named if reachable(server))
    if named and kept == named:
        return ""
    behind = re.search(r"ExtServers: \[(.*)\]", resolv_conf)
    known = behind.group(1).split() if behind else []
    chosen = kept or tuple(server for server in known if reachable(server))
    chosen = chosen or tuple(server for server in otherwise if reachable(server))[:1]
    others = [line for line in lines if line.startswith(("search", "options"))]
    return "\n".join([*(f"nameserver {server}" for server in chosen), *others, ""]) if chosen else ""
