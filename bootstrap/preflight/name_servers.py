"""Checks of the name servers that Pods get."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts, Resolver
from bootstrap.preflight.finding import Found, check, listed

MOST_NAME_SERVERS = 3
"""resolv.conf(5) MAXNS; the kubelet drops the others."""
_RESOLVED = "systemctl start systemd-resolved"


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


@check(
    "ResolvConf",
    f"Pods can use the name servers of the node: one to {MOST_NAME_SERVERS}. Loopback addresses, and IPv6 addresses of "
    "one link, are left out for Pods with a warning. No file, or only such servers, is an error: no Pod starts, or "
    "CoreDNS asks itself. systemd-resolved's stub is no problem: Pods get the servers behind it.",
    "Name a server that Pods reach in `/etc/resolv.conf`, or another file with `resolvConf` in KubeletConfiguration.",
    error=False,
)
def name_servers(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    chosen = facts.configured.resolver
    resolver = chosen or facts.resolver
    if resolver.problem:
        yield _missing(resolver, chosen=chosen is not None)
        return
    if not resolver.servers:
        yield Found(
            f"{resolver.path} names no server: Pods resolve names of the cluster only",
            f"Add a nameserver line to {resolver.path}",
        )
    useless = [server for server in resolver.servers if not reachable(server)]
    left = [s for s in resolver.servers if reachable(s)] if chosen else list(facts.pod_servers)
    if useless and (not left or chosen):
        yield _useless(resolver, useless, left)
    elif useless:
        yield Found(
            f"{resolver.path} names {listed(useless)}, which no Pod reaches: Pods get {listed(left)} only",
            "Nothing, if these are enough; otherwise add a nameserver line with an address that Pods reach",
        )
    if len(resolver.servers) > MOST_NAME_SERVERS:
        yield Found(
            f"{resolver.path} names {len(resolver.servers)} servers, and only the first {MOST_NAME_SERVERS} are used",
            "Leave out the others",
        )


def _missing(resolver: Resolver, *, chosen: bool) -> Found:
    if chosen:
        return Found(
            f"resolvConf of the kubelet is {resolver.path}, which {resolver.problem}: no Pod can start",
            f"Make that file, or leave resolvConf out of KubeletConfiguration (it is {Resolver.path} then)",
            error=True,
        )
    stopped = "systemd" in resolver.problem
    return Found(
        f"{resolver.path} {resolver.problem}: no Pod can start without it",
        (f"{_RESOLVED}; or " if stopped else "")
        + f"rm -f {resolver.path}; echo 'nameserver ADDRESS' > {resolver.path} (an empty file will do without any)",
        error=True,
    )


def _useless(resolver: Resolver, useless: list[str], left: list[str]) -> Found:
    """A file that the configuration names is given to Pods as it is."""
    what = f"{resolver.path} names {listed(useless)}" + ("" if left else " only")
    return Found(
        f"{what}, which is nobody's in a Pod: CoreDNS would ask itself, and end",
        f"Name addresses that Pods reach in {resolver.path}, or give resolvConf in KubeletConfiguration another file",
        error=True,
    )


ALL = (name_servers,)
