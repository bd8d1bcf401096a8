"""The addresses of LoadBalancer Services: ranges that belong to nobody else."""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.config import networks, validators
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import Problem

_PATH = "BootstrapConfiguration.loadBalancerAddresses"
_Range = tuple[validators.Address, validators.Address]


def check(config: ClusterConfig) -> Iterable[Problem]:
    network, own = config.cluster.networking, config.node.api and config.node.api.advertise_address
    others = [("Pod", network.pod_subnet), ("Service", network.service_subnet)]
    for i, text in enumerate(config.own.load_balancer_addresses):
        path, found = f"{_PATH}[{i}]", _range(text)
        if found is None:
            yield Problem(path, f'"{text[:80]}" is no range such as 192.0.2.200-192.0.2.250 or 192.0.2.64/26')
            continue
        for said, subnets in others:
            for subnet in networks.parse(subnets) or ():
                if _overlap(found, (subnet[0], subnet[-1])):
                    yield Problem(path, f"{text} shares addresses with the {said} subnet {subnet}")
        if own and (address := validators.address(own)) and _overlap(found, (address, address)):
            yield Problem(path, f"{text} has this machine's own address, {own}")


def _range(text: str) -> _Range | None:
    """The first and the last address of `first-last` or of a CIDR; None for anything else."""
    first, dash, last = text.partition("-")
    if not dash:
        parsed = networks.parse(text) if "/" in text and "," not in text else None
        return (parsed[0][0], parsed[0][-1]) if parsed else None
    start, end = validators.address(first), validators.address(last)
    return (start, end) if start and end and start.version == end.version and int(start) <= int(end) else None


def _overlap(one: _Range, other: _Range) -> bool:
    (a, b), (c, d) = one, other
    return a.version == c.version and int(a) <= int(d) and int(c) <= int(b)
