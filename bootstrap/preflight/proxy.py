"""Checks of HTTP proxies: what belongs to the cluster must not go through one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check


@check(
    "HTTPProxy",
    "HTTPS to the node's own address goes through no proxy.",
    "Add the address to `NO_PROXY`.",
    error=False,
    kubeadm=True,
)
def address(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    yield from _uncovered((cfg.api.advertise_address,), "the node's address", cfg, facts.proxies)


@check(
    "HTTPProxyCIDR",
    "HTTPS to Services and Pods goes through no proxy: `NO_PROXY` covers the whole of each range.",
    "Add the ranges to `NO_PROXY`.",
    error=False,
    kubeadm=True,
)
def ranges(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    network = cfg.cluster.networking
    yield from _uncovered(network.service_subnets, "the Service range", cfg, facts.proxies)
    yield from _uncovered(network.pod_subnets, "the Pod range", cfg, facts.proxies)


def _uncovered(targets: tuple[str, ...], what: str, cfg: ClusterConfig, proxies: Mapping[str, str]) -> Iterator[Found]:
    proxy, exceptions = _variable(proxies, "HTTPS_PROXY"), _variable(proxies, "NO_PROXY")
    if not proxy:
        return
    for target in targets:
        if not covered(target, exceptions):
            yield Found(
                f"HTTPS to {what} {target} would use the proxy {_without_password(proxy)}; "
                f"NO_PROXY is {exceptions or 'not set'}",
                f"NO_PROXY={_complete(cfg, exceptions)}",
            )


def covered(target: str, exceptions: str) -> bool:
    """Whether Go's HTTP client would call every address of `target` (an address or a CIDR) directly.

    golang.org/x/net/http/httpproxy: loopback always; else `*`, or an address or CIDR that holds it. Names and ports
    in NO_PROXY do not concern addresses.
    """
    wanted = _network(target)
    if wanted is None or wanted.is_loopback:
        return True
    words = [word.strip() for word in exceptions.split(",")]
    return "*" in words or any(_holds(_network(word), wanted) for word in words)


def _holds(outer: IPv4Network | IPv6Network | None, inner: IPv4Network | IPv6Network) -> bool:
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _complete(cfg: ClusterConfig, exceptions: str) -> str:
    """NO_PROXY as it is, with everything that it lacks."""
    network = cfg.cluster.networking
    everything = (cfg.api.advertise_address, *network.service_subnets, *network.pod_subnets)
    return ",".join([*filter(None, [exceptions]), *(t for t in everything if not covered(t, exceptions))])


def _variable(proxies: Mapping[str, str], name: str) -> str:
    """Upper case first, as Go has it."""
    return proxies.get(name) or proxies.get(name.lower(), "")


def _without_password(proxy: str) -> str:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


ALL = (address, ranges)
