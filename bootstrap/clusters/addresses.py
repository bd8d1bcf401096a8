"""Addresses of a cluster's containers: fixed, so that a restart changes none, and none that Docker gives others."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from bootstrap.model.errors import BootstrapError, Exit

PORTS = range(20000, 32000)
"""For the API on the engine's host: below what Linux gives to clients, and none of the well-known ones."""
LONGER = 96
"""Bits by which an IPv6 prefix is longer than an IPv4 one of as many addresses."""
SERVICES_PREFIX = 24
"""256 addresses."""
SMALLEST_LOWER_HALF = 27
"""A prefix: of 32 addresses, half are for nodes."""


@dataclass(frozen=True)
class NetworkRange:
    """An IPv4 range of a Docker network. `dynamic` is what Docker gives addresses from; empty: anything in it.

    `subnet6` is its IPv6 range, empty where it has none.
    """

    subnet: str
    gateway: str = ""
    dynamic: str = ""
    subnet6: str = ""

    @property
    def subnets(self) -> tuple[str, ...]:
        return (self.subnet, self.subnet6) if self.subnet6 else (self.subnet,)

    def address6(self, address: str) -> str:
        """At the same place in the IPv6 range: who is free in one is free in the other."""
        place = int(IPv4Address(address)) - int(IPv4Network(self.subnet).network_address)
        return str(IPv6Network(self.subnet6)[place]) if self.subnet6 else ""

    def range6(self, text: str) -> str:
        """The same for a part of the IPv4 range."""
        part = IPv4Network(text)
        return f"{self.address6(str(part.network_address))}/{part.prefixlen + LONGER}"


def own_range(subnet: str, subnet6: str = "") -> NetworkRange:
    """Docker gives from the upper half to others that are connected; the lower half is the nodes'."""
    return NetworkRange(subnet, str(IPv4Network(subnet)[1]), upper_half(subnet), subnet6)


def upper_half(subnet: str) -> str:
    return str(list(ip_network(subnet).subnets(prefixlen_diff=1))[1])


def as_large(subnet6: str, subnet: str) -> bool:
    """Whether the first is an IPv6 range that has a place for each of the second one's."""
    return ":" in subnet6 and IPv6Network(subnet6).prefixlen - IPv4Network(subnet).prefixlen <= LONGER


def random_range6() -> str:
    """A unique local /64 (RFC 4193)."""
    return str(IPv6Network((0xFD << 120 | secrets.randbits(40) << 80, 64)))


def services_range(network: NetworkRange) -> str:
    """What LoadBalancer Services get: the end of what Docker gives to nobody, half of it at most; empty: too small."""
    lower = next(IPv4Network(network.subnet).subnets(prefixlen_diff=1))
    if network.dynamic != upper_half(network.subnet) or lower.prefixlen > SMALLEST_LOWER_HALF:
        return ""
    return str(list(lower.subnets(new_prefix=max(lower.prefixlen + 1, SERVICES_PREFIX)))[-1])


def collision(subnet: str, ranges: Sequence[str]) -> str:
    """The range of Pods or Services that a network shares addresses with; empty when there is none."""
    network = ip_network(subnet)
    found = (text for text in ranges if ip_network(text, strict=False).version == network.version)
    return next((text for text in found if ip_network(text, strict=False).overlaps(network)), "")


def node_addresses(network: NetworkRange, used: Collection[str], count: int) -> tuple[str, ...]:
    """The first free ones; in a network that is not ours the last ones, since Docker gives the first.

    Raises BootstrapError (exit 4) when it has too few.
    """
    subnet = IPv4Network(network.subnet)
    kept = [IPv4Network(text) for text in (network.dynamic, services_range(network)) if text]
    numbers = range(1, subnet.num_addresses - 1)
    hosts = (subnet[i] for i in (numbers if network.dynamic else reversed(numbers)))
    taken = {*used, network.gateway, str(subnet[1])}
    free = (
        str(host)
        for host in hosts
        if not taken & {str(host), network.address6(str(host))} and not any(host in other for other in kept)
    )
    found = tuple(itertools.islice(free, count))
    if len(found) < count:
        raise BootstrapError(
            f"the network {network.subnet} has {len(found)} free addresses, {count} are needed",
            code=Exit.PREFLIGHT,
            fix="docker network create --subnet with a larger range, or leave --network out: one is made then",
        )
    return found


def random_port() -> int:
    """One that stays: a port that Docker chooses is another one after each restart."""
    return secrets.choice(PORTS)
