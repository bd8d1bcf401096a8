"""The address that the control planes hold in turn: what it may be, beside the others of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bootstrap.config import networks, validators
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import Problem
from bootstrap.model.virtual_address import PRIORITIES, ROUTER_IDS, VirtualAddress
from bootstrap.render.controlplane.args import last_value

_PATH = "BootstrapConfiguration.controlPlaneVIP"
_LINK = re.compile(r"[^\s/:]{1,15}")
"""A network interface's name (the kernel's dev_valid_name)."""


def check(config: ClusterConfig) -> Iterable[Problem]:
    vip = config.own.control_plane_vip
    if vip is None or config.node.api is None:
        return
    ip, own = validators.address(vip.address), validators.address(config.api.advertise_address)
    if ip is None:
        yield Problem(
            f"{_PATH}.address", f'"{vip.address}" is not an IP address; a name belongs in controlPlaneEndpoint'
        )
        return
    yield from _address(config, vip, ip)
    if own and own.version != ip.version:
        yield Problem(f"{_PATH}.address", f"{ip} is IPv{ip.version}, but the control plane's own addresses are not")
    yield from _endpoint(config, vip)
    listens = last_value(config.cluster.api_server.extra_args, "bind-address", "::")
    if listens not in ("::", "0.0.0.0"):
        said = f"the API servers listen at {listens} only, so {ip} leads nowhere; leave bind-address out of extraArgs"
        yield Problem("ClusterConfiguration.apiServer.extraArgs", said)
    if vip.interface and not _LINK.fullmatch(vip.interface):
        yield Problem(f"{_PATH}.interface", f'"{vip.interface}" is not the name of a network interface')
    if vip.virtual_router_id and vip.virtual_router_id not in ROUTER_IDS:
        yield Problem(f"{_PATH}.virtualRouterID", f"{vip.virtual_router_id} is not from 1 to {ROUTER_IDS[-1]}")
    for i, peer in enumerate(vip.unicast_peers):
        yield from _peer(vip, ip, peer, f"{_PATH}.unicastPeers[{i}]")
    if vip.password_file and ip.version == 6:
        yield Problem(f"{_PATH}.passwordFile", "VRRP has passwords for IPv4 only")
    elif vip.password_file and (wrong := validators.absolute(vip.password_file)):
        yield Problem(f"{_PATH}.passwordFile", wrong)
    for node, priority in vip.priorities.items():
        if wrong := validators.node_name(node):
            yield Problem(f"{_PATH}.priorities", wrong)
        if priority not in PRIORITIES:
            yield Problem(f"{_PATH}.priorities.{node}", f"{priority} is not from 1 to {PRIORITIES[-1]}")


def _address(config: ClusterConfig, vip: VirtualAddress, ip: validators.Address) -> Iterable[Problem]:
    if ip.is_loopback or ip.is_multicast or ip.is_link_local or ip.is_unspecified:
        yield Problem(f"{_PATH}.address", f"{ip} is not an address that other nodes could reach")
    if ip == validators.address(config.api.advertise_address):
        yield Problem(f"{_PATH}.address", f"{ip} is this machine's own address; give one that no machine has")
    network = config.cluster.networking
    for said, subnet in (("Pod", network.pod_subnet), ("Service", network.service_subnet)):
        for net in networks.parse(subnet) or [] if subnet else []:
            if ip in net:
                yield Problem(f"{_PATH}.address", f"{ip} is in the {said} range {net}")


def _endpoint(config: ClusterConfig, vip: VirtualAddress) -> Iterable[Problem]:
    """A name may lead to the address; another address cannot, and the port is that of the API servers themselves."""
    path, text = "ClusterConfiguration.controlPlaneEndpoint", config.cluster.control_plane_endpoint
    host, port = validators.split_endpoint(text) or ("", "")
    other = validators.address(host)
    if other and other != validators.address(vip.address):
        yield Problem(path, f"{host} is not the control plane's address {vip.address}; leave it out, or give a name")
    if port and int(port) != config.api.bind_port:
        yield Problem(
            path, f"port {port}: {vip.address} leads to the API servers themselves, at {config.api.bind_port}"
        )


def _peer(vip: VirtualAddress, ip: validators.Address, text: str, path: str) -> Iterable[Problem]:
    peer = validators.address(text)
    if peer is None or peer.version != ip.version:
        yield Problem(path, f'"{text}" is not an IPv{ip.version} address of a control plane')
    elif peer == ip:
        yield Problem(path, f"{text} is the address that they share; give those of their own")
    elif vip.unicast_peers.count(text) > 1:
        yield Problem(path, f"{text} is there twice")
