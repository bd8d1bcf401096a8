"""The ranges of Pods and Services share no address with the machine's networks, nor with the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.model.facts import Attached, HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.render.addresses import endpoint_host, node_address

Network = IPv4Network | IPv6Network
FREE = (
    *(f"10.{second}.0.0/16" for second in (244, 42, 96, 43, 112, 200)),
    "172.20.0.0/16",
    "172.28.0.0/16",
    "192.168.0.0/17",
    "192.168.128.0/17",
    "fd00:10:244::/56",
    "fd00:10:42::/56",
    "fd00:10:96::/112",
    "fd00:10:43::/112",
)
"""What is proposed instead, the first that nothing else uses: the defaults of several distributions first."""


@dataclass(frozen=True)
class Range:
    """One CIDR of Pods or Services, and how another one is given."""

    whose: str
    network: Network
    field: str
    flag: str


@dataclass(frozen=True)
class Used:
    """An address that must not be in a range, and what it is."""

    address: str
    what: str


def cluster_ranges(cfg: ClusterConfig) -> tuple[Range, ...]:
    """Of Pods and of Services, one of each family."""
    networking = cfg.cluster.networking
    pods = [_range("Pod", text, "networking.podSubnet", "--pod-network-cidr") for text in networking.pod_subnets]
    return (
        *pods,
        *(_range("Service", text, "networking.serviceSubnet", "--service-cidr") for text in networking.service_subnets),
    )


def _range(whose: str, text: str, field: str, flag: str) -> Range:
    return Range(whose, ip_network(text, strict=False), field, flag)


@check(
    "NetworkOverlap",
    "The Pod and Service ranges hold no address of the machine, of its name servers, of a proxy, or of the "
    "configuration (advertise address, control plane endpoint, etcd), and no network that it is in or has a route to. "
    "A larger network around a range is a warning: addresses of others in that part of it are not reached.",
    "Choose another range: `--pod-network-cidr`, `--service-cidr`.",
    fresh=True,
)
def overlap(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    used = _used(cfg, facts)
    for mine in cluster_ranges(cfg):
        inside = next((u for u in used if _holds(mine.network, u.address)), None)
        near = [a for a in facts.attached if _overlap(ip_network(a.network), mine.network)]
        clash = next((a for a in near if not _around(a, mine)), None)
        if clash:
            yield _found(mine, _described(clash), cfg, facts, error=True)
        elif inside:
            yield _found(mine, f"{inside.what} {inside.address} is in it", cfg, facts, error=True)
        elif near:
            why = f"{_described(near[0])}, which is around it; what others have of it is not reached from here"
            yield _found(mine, why, cfg, facts, error=False)


def _around(attached: Attached, mine: Range) -> bool:
    """Whether the network is larger than the range, and the machine's own address elsewhere in it."""
    outer = ip_network(attached.network)
    own = bool(attached.address) and _holds(mine.network, attached.address)
    return outer.prefixlen < mine.network.prefixlen and not own


def _described(attached: Attached) -> str:
    if attached.address:
        return f"{attached.interface} has {attached.address} of the network {attached.network}"
    return f"a route leads to the network {attached.network} by {attached.interface}"


def _used(cfg: ClusterConfig, facts: HostFacts) -> tuple[Used, ...]:
    """Addresses that somebody names; names of hosts among them are in no range."""
    endpoint, etcd = cfg.cluster.control_plane_endpoint, cfg.cluster.etcd
    urls = etcd.endpoints if isinstance(etcd, ExternalEtcd) else ()
    servers = (facts.configured.resolver or facts.resolver).servers
    proxies = {value for name, value in facts.proxies.items() if name.lower() != "no_proxy"}
    return (
        Used(node_address(cfg, facts), "the advertise address" if cfg.node.api else "the node's address"),
        *([Used(endpoint_host(endpoint), "the control plane endpoint")] if endpoint else []),
        *([Used(endpoint_host(cfg.node.server), "the API server")] if cfg.node.server else []),
        *(Used(urlsplit(url).hostname or "", "the etcd endpoint") for url in urls),
        *(Used(server, "the name server") for server in (*servers, *facts.pod_servers)),
        *(Used(_proxy_host(proxy), "the proxy") for proxy in sorted(proxies)),
    )


def _proxy_host(proxy: str) -> str:
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}").hostname or ""


def _holds(network: Network, address: str) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:
        return False


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _found(mine: Range, why: str, cfg: ClusterConfig, facts: HostFacts, *, error: bool) -> Found:
    free = _free(mine, cfg, facts)
    kept = [r.network for r in cluster_ranges(cfg) if r.field == mine.field]
    proposed = ",".join(free if network == mine.network else str(network) for network in kept) if free else "RANGE"
    fix = f"Choose another one: {mine.flag} {proposed} ({mine.field} in ClusterConfiguration)"
    if cfg.node.server:
        fix = f"Join from another network, or give this one other addresses; a new cluster: {mine.flag} {proposed}"
    return Found(f"the {mine.whose} range {mine.network} is in use: {why}", fix, error=error)


def _free(mine: Range, cfg: ClusterConfig, facts: HostFacts) -> str:
    """The first of `FREE` that overlaps with nothing; empty when there is none."""
    taken = [*(ip_network(a.network) for a in facts.attached), *(r.network for r in cluster_ranges(cfg))]
    addresses = [u.address for u in _used(cfg, facts)]
    for text in FREE:
        network = ip_network(text)
        fits = network.version == mine.network.version
        if fits and not any(_overlap(network, t) for t in taken) and not any(_holds(network, a) for a in addresses):
            return text
    return ""


ALL = (overlap,)
