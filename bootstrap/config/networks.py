"""Subnets: sizes, families, overlaps; and which Pod subnet and which address of the host are the default."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from bootstrap.config import validators
from bootstrap.model import names
from bootstrap.model.cluster import Arg, ClusterConfig
from bootstrap.model.errors import Problem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POD_SUBNET_IPV6 = "fd00:10:244::/56"
"""Flannel has no IPv6 default of its own; a unique local prefix with room for 256 nodes."""

_NETWORKING = "ClusterConfiguration.networking"
_MINIMUM_SERVICE_ADDRESSES = 10
_MINIMUM_POD_ADDRESSES = 14
_MAXIMUM_SERVICE_BITS = 20
_MAXIMUM_NODES_BITS = 16


def parse(text: str) -> list[Network] | None:
    """The networks of `a` or `a,b`; None if one is not a CIDR."""
    try:
        return [ipaddress.ip_network(part, strict=False) for part in text.split(",") if _has_mask(part)]
    except ValueError:
        return None


def _has_mask(part: str) -> bool:
    """A scope (`fe80::%eth0/64`) is one machine's, and any text."""
    if not part.rpartition("/")[2].isdigit() or "%" in part:
        raise ValueError(part)
    return True


def families(text: str) -> list[int]:
    """4 and 6 in the order in which the subnets have them."""
    return list(dict.fromkeys(n.version for n in parse(text) or []))


def default_pod_subnet(service_subnet: str) -> str:
    """Flannel's Pod subnet for each family of the Services."""
    default = {4: names.POD_SUBNET, 6: POD_SUBNET_IPV6}
    return ",".join(default[f] for f in families(service_subnet) or [4])


def check(config: ClusterConfig) -> Iterable[Problem]:
    """Everything wrong with the subnets."""
    service_path, pod_path = f"{_NETWORKING}.serviceSubnet", f"{_NETWORKING}.podSubnet"
    services = parse(config.cluster.networking.service_subnet)
    pods = parse(config.cluster.networking.pod_subnet) if config.cluster.networking.pod_subnet else []
    yield from _form(service_path, config.cluster.networking.service_subnet, services, _MINIMUM_SERVICE_ADDRESSES)
    yield from _form(pod_path, config.cluster.networking.pod_subnet, pods, _MINIMUM_POD_ADDRESSES)
    for net in services or []:
        if net.max_prefixlen - net.prefixlen > _MAXIMUM_SERVICE_BITS:
            widest = net.max_prefixlen - _MAXIMUM_SERVICE_BITS
            yield Problem(service_path, f"{net} is too large, the mask must be at least /{widest}")
    args = {a.name: a.value for a in config.cluster.controller_manager.extra_args}
    if args.get("allocate-node-cidrs") != "false":
        for net in pods or []:
            yield from _node_mask(pod_path, net, config.cluster.controller_manager.extra_args)
    if not services or not pods:
        return
    for pod in pods:
        for service in services:
            if pod.version == service.version and pod.overlaps(service):
                yield Problem(pod_path, f"{pod} overlaps the service subnet {service}")
    if {n.version for n in pods} != {n.version for n in services}:
        yield Problem(pod_path, f"{_said(pods)}, but the service subnet {_said(services)}")


def _said(nets: list[Network]) -> str:
    return "is " + " and ".join(sorted({f"IPv{n.version}" for n in nets}))


def _form(path: str, text: str, nets: list[Network] | None, minimum: int) -> Iterable[Problem]:
    if nets is None:
        yield Problem(path, f'"{text}" is not a CIDR such as 10.244.0.0/16, or two of them with a comma between')
        return
    if len(nets) > 2 or len(nets) != len({n.version for n in nets}):
        yield Problem(path, "at most one CIDR of each family, IPv4 and IPv6")
    for net in nets:
        if net.num_addresses < minimum:
            yield Problem(path, f"{net} has {net.num_addresses} addresses, at least {minimum} are needed")


def _node_mask(path: str, net: Network, args: tuple[Arg, ...]) -> Iterable[Problem]:
    """The Pod subnet is cut into one network a node; both masks have to fit."""
    flag = f"node-cidr-mask-size-ipv{net.version}"
    given = next((a.value for a in reversed(args) if a.name == flag), "")
    if given and not given.isdecimal():
        return  # said where the flag stands
    mask = int(given) if given else {4: 24, 6: 64}[net.version]
    if net.prefixlen > mask:
        yield Problem(path, f"{net} is smaller than the network of one node, /{mask}")
    elif mask - net.prefixlen > _MAXIMUM_NODES_BITS:
        yield Problem(path, f"{net} holds more than 2^{_MAXIMUM_NODES_BITS} networks of nodes, /{mask} each")


def check_address(config: ClusterConfig) -> Iterable[Problem]:
    """Whether the API server can advertise the address; a worker has none."""
    if config.node.api is None:
        return
    path = "InitConfiguration.localAPIEndpoint.advertiseAddress"
    text = config.node.api.advertise_address
    primary = (families(config.cluster.networking.service_subnet) or [4])[0]
    ip = validators.address(text)
    if not text:
        yield Problem(
            path,
            (
                f"this host has no global IPv{primary} address; give the one that other nodes reach: "
                "--apiserver-advertise-address ADDRESS"
            ),
        )
    elif ip is None:
        yield Problem(path, f'"{text}" is not an IP address')
    elif ip.is_loopback or ip.is_multicast or ip.is_link_local or text == "255.255.255.255":
        yield Problem(path, f"{text} is not an address that other nodes could reach")
    elif ip.version != primary:
        yield Problem(path, f"{text} is IPv{ip.version}, but Services are IPv{primary} first")
