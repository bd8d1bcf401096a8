"""Addresses that follow from the configuration."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts

_DNS_INDEX = 10


def is_ipv6(address: str) -> bool:
    """Whether `address` is a literal IPv6 address."""
    return ":" in address


def loopback(cfg: ClusterConfig) -> str:
    """The loopback address of the advertise address' family, on a worker of the Services' first."""
    own = cfg.node.api.advertise_address if cfg.node.api else cfg.cluster.networking.service_subnets[0]
    return "::1" if is_ipv6(own) else "127.0.0.1"


def node_address(cfg: ClusterConfig, facts: HostFacts) -> str:
    """The address that this machine is known by: its API server's, on a worker that of the Services' first family."""
    if cfg.node.api is not None:
        return cfg.node.api.advertise_address
    return facts.default_address(6 if is_ipv6(cfg.cluster.networking.service_subnets[0]) else 4)


def url_host(address: str) -> str:
    """`address` as it stands in a URL: IPv6 in brackets."""
    return f"[{address}]" if is_ipv6(address) else address


def is_loopback(host: str) -> bool:
    address = as_ip(host)
    return host == "localhost" or bool(address and address.is_loopback)


def nearby(address: str) -> str:
    """Where what listens at `address` is reached on its own machine."""
    return "127.0.0.1" if address in names.ANY_ADDRESS else address


def split_url(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; 0 where it says none that can be."""
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname or "", parts.port or 0
    except ValueError:
        return parts.scheme, parts.hostname or "", 0


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Host (without brackets) and port of `host:port`."""
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), port


def endpoint_host(endpoint: str) -> str:
    """Of `host`, `host:port` or `[host]:port`."""
    has_port = endpoint.count(":") == 1 or "]:" in endpoint
    return split_endpoint(endpoint)[0] if has_port else endpoint.strip("[]")


def service_ips(cfg: ClusterConfig) -> tuple[str, ...]:
    """The API's own Service address in each Service subnet (the apiserver takes the first)."""
    return tuple(_indexed(subnet, 1) for subnet in cfg.cluster.networking.service_subnets)


def dns_ip(cfg: ClusterConfig) -> str:
    """The cluster DNS address: the tenth of the first Service subnet."""
    return _indexed(cfg.cluster.networking.service_subnets[0], _DNS_INDEX)


def as_ip(text: str) -> IPv4Address | IPv6Address | None:
    """`text` as an address, or None when it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _indexed(subnet: str, index: int) -> str:
    network = ip_network(subnet, strict=False)
    return str(network.network_address + index)
