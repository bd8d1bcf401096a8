"""Checks of HTTP proxies: what belongs to the cluster must not go through one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.render.addresses import endpoint_host, node_address
from bootstrap.render.proxies import EXCEPTIONS, covered, variable, with_cluster


@check(
    "HTTPProxy",
    "HTTPS to the node's own address, and to the API server that a machine joins, goes through no proxy. What `init` "
    "and `join` start gets a complete `NO_PROXY`; kubectl here does not.",
    "Add the address to `NO_PROXY`.",
    error=False,
    kubeadm=True,
)
def address(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    yield from _uncovered((node_address(cfg, facts),), "the node's address", cfg, facts.proxies)
    if cfg.node.server:
        yield from _uncovered((endpoint_host(cfg.node.server),), "the API server", cfg, facts.proxies)


@check(
    "HTTPProxyCIDR",
    "HTTPS to Services and Pods goes through no proxy: `NO_PROXY` covers the whole of each range. What `init` starts "
    "gets a complete one.",
    "Add the ranges to `NO_PROXY`.",
    error=False,
    kubeadm=True,
)
def ranges(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    network = cfg.cluster.networking
    yield from _uncovered(network.service_subnets, "the Service range", cfg, facts.proxies)
    yield from _uncovered(network.pod_subnets, "the Pod range", cfg, facts.proxies)


def _uncovered(targets: tuple[str, ...], what: str, cfg: ClusterConfig, proxies: Mapping[str, str]) -> Iterator[Found]:
    proxy, exceptions = variable(proxies, "HTTPS_PROXY"), variable(proxies, EXCEPTIONS)
    if not proxy:
        return
    for target in targets:
        if not covered(target, exceptions):
            yield Found(
                f"HTTPS to {what} {target} would use the proxy {_without_password(proxy)}; NO_PROXY is "
                f"{exceptions or 'not set'}: the control plane gets a complete one, other programs (kubectl) do not",
                f"NO_PROXY={with_cluster(cfg, exceptions)}",
            )


def _without_password(proxy: str) -> str:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


ALL = (address, ranges)
