"""The ranges that a Pod network's own manifest names, and whether they are this cluster's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from bootstrap.model.cluster import ClusterConfig
from bootstrap.render.cluster.objects import Object

Range = IPv4Network | IPv6Network
_VARIABLES = ("CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR", "IPALLOC_RANGE", "POD_CIDR", "CLUSTER_CIDR")
"""Of Calico, Weave, Kube-OVN and others."""
_ARGUMENTS = ("--cluster-cidr", "--pod-cidr", "--pod-network-cidr", "--default-cidr")
_KEYS = (("Network", "EnableIPv4", True), ("IPv6Network", "EnableIPv6", False))
"""Of flannel's net-conf.json, which Canal has too: the range, and what turns it on or off."""
_SETTINGS = ("cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr", "clusterPoolIPv4PodCIDRList")
"""Of Cilium's ConfigMap."""


def wrong_ranges(objects: tuple[Object, ...], cfg: ClusterConfig) -> tuple[str, ...]:
    """One line for each range that lies outside of `networking.podSubnet`."""
    ours = [ip_network(subnet, strict=False) for subnet in cfg.cluster.networking.pod_subnets]
    if not ours:
        return ()
    named = ((body, text) for body in objects for text in _texts(body))
    return tuple(
        dict.fromkeys(
            f"{body['kind']} {body['metadata']['name']} has the Pod range {text}, "
            f"the cluster {' and '.join(map(str, ours))}"
            for body, text in named
            if (found := _range(text)) and not any(_fit(found, mine) for mine in ours)
        )
    )


def _fit(one: Range, other: Range) -> bool:
    """A network may use a part of the range, or be told of a larger one that holds it."""
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.overlaps(other)


def _range(text: str) -> Range | None:
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _texts(body: Object) -> Iterator[str]:
    """Every text that stands where one of the known networks has its range."""
    if body["kind"] == "ConfigMap":
        yield from _config_map(body.get("data") or {})
    elif body["kind"] == "IPPool" and isinstance(body.get("spec"), Mapping):
        yield str(body["spec"].get("cidr", ""))
    else:
        yield from _below(body)


def _config_map(data: Mapping[str, Any]) -> Iterator[str]:
    for key, text in data.items():
        if key in _SETTINGS:
            yield from str(text).replace(",", " ").split()
        elif str(text).lstrip().startswith("{"):
            try:
                settings = json.loads(text)
            except ValueError:
                continue
            yield from (
                str(settings[name]) for name, switch, usual in _KEYS if name in settings and settings.get(switch, usual)
            )


def _below(value: Any) -> Iterator[str]:
    """Variables and arguments of containers."""
    if isinstance(value, list):
        for item in value:
            yield from _below(item)
    elif isinstance(value, Mapping):
        if value.get("name") in _VARIABLES and isinstance(value.get("value"), str):
            yield from value["value"].split(",")
        for word in (*_words(value, "args"), *_words(value, "command")):
            flag, equals, text = word.partition("=")
            if equals and flag in _ARGUMENTS:
                yield from text.split(",")
        for item in value.values():
            yield from _below(item)


def _words(container: Mapping[str, Any], field: str) -> list[str]:
    words = container.get(field)
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
