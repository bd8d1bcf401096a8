"""Addresses of a cluster's containers: fixed, so that a restart changes none, and none that Docker gives others."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network

from bootstrap.model.errors import BootstrapError, Exit

PORTS = range(20000, 32000)
"""For the API on the engine's host: below what Linux gives to clients, and none of the well-known ones."""


@dataclass(frozen=True)
class NetworkRange:
    """An IPv4 range of a Docker network. `dynamic` is what Docker gives addresses from; empty: anything in it."""

    subnet: str
    gateway: str = ""
    dynamic: str = ""


def own_range(subnet: str) -> NetworkRange:
    """Docker gives from the upper half to others that are connected; the lower half is the nodes'."""
    network = IPv4Network(subnet)
    return NetworkRange(subnet, str(network[1]), str(list(network.subnets(prefixlen_diff=1))[1]))


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
    dynamic = IPv4Network(network.dynamic) if network.dynamic else None
    numbers = range(1, subnet.num_addresses - 1)
    hosts = (subnet[i] for i in (numbers if dynamic else reversed(numbers)))
    taken = {*used, network.gateway, str(subnet[1])}
    free = (str(host) for host in hosts if str(host) not in taken and not (dynamic and host in dynamic))
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
