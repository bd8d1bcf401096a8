"""Checks of the name servers that Pods get."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts, Resolver
from bootstrap.preflight.finding import Found, check, listed

MOST_NAME_SERVERS = 3
"""resolv.conf(5) MAXNS; the kubelet drops the others."""


def reachable(server: str) -> bool:
    """Whether a Pod can ask it: no loopback or unspecified address, none that holds on one link only, and no name.

    IPv4's 169.254.0.0/16 is reached through the node: name servers of clouds have such addresses.
    """
    try:
        address = ip_address(server)
    except ValueError:
        return False
    on_one_link = isinstance(address, IPv6Address) and (address.is_link_local or address.scope_id is not None)
    return not (address.is_loopback or address.is_unspecified or on_one_link)


def asks_itself(facts: HostFacts) -> bool:
    """Whether CoreDNS gets an address as its name server that is its own in its Pod: it is ready, then ends."""
    chosen = facts.configured.resolver
    return chosen is not None and not all(map(reachable, chosen.servers))


@check(
    "ResolvConf",
    f"Pods can use the name servers of the node: one to {MOST_NAME_SERVERS}. Loopback addresses, and IPv6 addresses of "
    "one link, are left out for Pods; with none left they get the gateway, or this node, where a resolver may listen "
    "or not. A file that the configuration names is given to Pods as it is: such servers, or none, are an error there. "
    "systemd-resolved's stub is no problem: Pods get the servers behind it.",
    "Name a server that Pods reach in `/etc/resolv.conf`, or another file with `resolvConf` in KubeletConfiguration.",
    error=False,
)
def name_servers(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    chosen = facts.configured.resolver
    yield from _chosen(chosen) if chosen else _found(facts)
    servers, path = (chosen or facts.resolver).servers, (chosen or facts.resolver).path
    if len(servers) > MOST_NAME_SERVERS:
        used = f"only the first {MOST_NAME_SERVERS} are used"
        yield Found(f"{path} names {len(servers)} servers, and {used}", "Leave out the others")


def _found(facts: HostFacts) -> Iterator[Found]:
    """What Pods are given was made from it."""
    resolver, given = facts.resolver, listed(facts.pod_servers) if facts.pod_servers else "none"
    useless = [server for server in resolver.servers if not reachable(server)]
    alone = f"Pods get {given}; without an answer there they resolve names of the cluster only"
    if resolver.problem:
        stopped = "systemctl start systemd-resolved; or " if "systemd" in resolver.problem else ""
        written = f"rm -f {resolver.path}; echo nameserver ADDRESS >{resolver.path}"
        yield Found(f"{resolver.path} {resolver.problem}: {alone}", stopped + written)
    elif not resolver.servers:
        yield Found(f"{resolver.path} names no server: {alone}", f"echo nameserver ADDRESS >>{resolver.path}")
    elif useless:
        yield Found(
            f"{resolver.path} names {listed(useless)}, which no Pod reaches: Pods get {given} only",
            "Nothing, if that is enough; otherwise add a nameserver line with an address that Pods reach",
        )


def _chosen(resolver: Resolver) -> Iterator[Found]:
    """A file that the configuration names is given to Pods as it is."""
    useless = [server for server in resolver.servers if not reachable(server)]
    if resolver.problem:
        yield Found(
            f"resolvConf of the kubelet is {resolver.path}, which {resolver.problem}: no Pod can start",
            f"Make that file, or leave resolvConf out of KubeletConfiguration (it is {Resolver.path} then)",
            error=True,
        )
    elif useless or not resolver.servers:
        asks_itself = f"names {listed(useless)}, which is nobody's in a Pod: CoreDNS would ask itself"
        what = asks_itself if useless else "is empty"
        yield Found(
            f"{resolver.path}, which resolvConf in KubeletConfiguration names, {what}: CoreDNS ends again and again",
            f"Name addresses that Pods reach in {resolver.path}, or leave resolvConf out of KubeletConfiguration",
            error=True,
        )


ALL = (name_servers,)
