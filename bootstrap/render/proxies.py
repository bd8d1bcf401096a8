"""The proxy variables that components get: what belongs to the cluster goes through none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.render.addresses import endpoint_host

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY")
EXCEPTIONS = "NO_PROXY"


def variable(proxies: Mapping[str, str], name: str) -> str:
    """Upper case first, as Go has it."""
    return proxies.get(name) or proxies.get(name.lower(), "")


def completed(cfg: ClusterConfig, proxies: Mapping[str, str]) -> dict[str, str]:
    """The variables, with everything of the cluster among the exceptions; without a proxy they stay as they are."""
    return excepting(proxies, tuple(cluster_targets(cfg)))


def excepting(proxies: Mapping[str, str], targets: Sequence[str]) -> dict[str, str]:
    """The same for these addresses, ranges and names."""
    if not any(variable(proxies, name) for name in PROXIES):
        return dict(proxies)
    spelled = [name for name in proxies if name.upper() == EXCEPTIONS] or [EXCEPTIONS]
    return {**proxies, **{name: _with(targets, proxies.get(name, "")) for name in spelled}}


def with_cluster(cfg: ClusterConfig, exceptions: str) -> str:
    """NO_PROXY as it is, with what it lacks."""
    return _with(tuple(cluster_targets(cfg)), exceptions)


def _with(targets: Sequence[str], exceptions: str) -> str:
    return ",".join([*filter(None, [exceptions]), *(t for t in targets if not covered(t, exceptions))])


def cluster_targets(cfg: ClusterConfig) -> Iterator[str]:
    """Addresses, ranges and names that components call; a name with a leading dot stands for all below it."""
    network, etcd = cfg.cluster.networking, cfg.cluster.etcd
    own = [cfg.node.api.advertise_address] if cfg.node.api else []
    found = [*own, *network.service_subnets, *network.pod_subnets]
    found += [".svc", f".{network.dns_domain}"]
    found += [endpoint_host(endpoint) for endpoint in (cfg.cluster.control_plane_endpoint, cfg.node.server) if endpoint]
    if isinstance(etcd, ExternalEtcd):
        found += [urlsplit(url).hostname or "" for url in etcd.endpoints]
    yield from dict.fromkeys(filter(None, found))


def covered(target: str, exceptions: str) -> bool:
    """Whether Go's HTTP client would call `target` directly: every address of an address or CIDR, or a name.

    golang.org/x/net/http/httpproxy: loopback always; else `*`, an address or CIDR that holds it, or a domain above it.
    """
    words = [word.strip().lower() for word in exceptions.split(",")]
    wanted = _network(target)
    if "*" in words or (wanted is not None and wanted.is_loopback):
        return True
    if wanted is None:
        name = target.lower()
        return any(word and (word == name.lstrip(".") or name.endswith(f".{word.lstrip('.')}")) for word in words)
    return any(_holds(_network(word), wanted) for word in words)


def _holds(outer: IPv4Network | IPv6Network | None, inner: IPv4Network | IPv6Network) -> bool:
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
