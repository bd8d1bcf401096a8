"""Checks of the address that the control planes hold in turn."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.model.virtual_address import ROUTER_IDS
from bootstrap.preflight.finding import Found, check, listed
from bootstrap.preflight.network import own_addresses
from bootstrap.render.controlplane.keepalived import interface

SERVICE = "keepalived.service"
_FILE = "BootstrapConfiguration.controlPlaneVIP"


@check(
    "VirtualAddressFree",
    "Nobody has the control plane's address yet: neither this machine nor one that answers at it.",
    "Give a free one: `--control-plane-vip`.",
    fresh=True,
    control_plane=True,
)
def free(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    vip, another = cfg.own.control_plane_vip, "Give one that nobody has: --control-plane-vip ADDRESS"
    if vip is None:
        return
    if vip.address in own_addresses(facts):
        yield Found(f"{vip.address} is an address of this machine already", f"{another}; or: ip address delete")
    elif who := facts.configured.virtual_address_holder:
        yield Found(f"somebody has {vip.address} already: {who}", another)


@check(
    "VirtualAddressNetwork",
    "The control plane's address belongs to the network of the interface that it is put on.",
    "Give an address of that network, or name another interface: `--control-plane-vip ADDRESS/INTERFACE`.",
    control_plane=True,
)
def network(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    vip = cfg.own.control_plane_vip
    if vip is None:
        return
    link = interface(cfg, vip, facts)
    if link not in facts.links:
        there = listed([name for name in facts.links if name != "lo"])
        said = f"there is no interface {link}" if link else f"no interface has {cfg.api.advertise_address}"
        yield Found(f"{said}, which is to hold {vip.address}", f"Name one of {there}: {_FILE}.interface")
        return
    own = [a.network for a in facts.attached if a.interface == link and a.address]
    if not any(ip_address(vip.address) in ip_network(net) for net in own):
        yield Found(
            f"{vip.address} is in no network of {link}: {listed(own) if own else 'it has none'}",
            "Give an address of that network: machines there would not find it otherwise",
        )


@check(
    "VirtualAddressPeers",
    "Where control planes tell each other by unicast who holds their address, this machine is among those named.",
    f"Add it to `{_FILE}.unicastPeers` on the first control plane: `bootstrap init --config FILE --reconfigure`.",
    control_plane=True,
)
def peers(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    vip = cfg.own.control_plane_vip
    if vip and vip.unicast_peers and cfg.api.advertise_address not in vip.unicast_peers:
        yield Found(
            f"this machine's address {cfg.api.advertise_address} is not among the control planes that tell each other "
            f"who holds {vip.address} ({', '.join(vip.unicast_peers)}): it would hold it too",
            f"Add it to {_FILE}.unicastPeers: on the first control plane by bootstrap init --config FILE "
            "--reconfigure, on those that joined by bootstrap reset and join; then run this again",
        )


@check(
    "VirtualRouter",
    "Nobody in the machine's network, and no keepalived of its own, uses the virtual router id of the control plane.",
    f"Set another one: `{_FILE}.virtualRouterID`.",
    error=False,
    control_plane=True,
)
def router(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    vip = cfg.own.control_plane_vip
    if vip is None:
        return
    here, heard = (
        facts.configured.virtual_router_ids if SERVICE in facts.units else (),
        facts.configured.virtual_routers,
    )
    who = "this machine's own keepalived" if vip.router_id in here else heard.get(vip.router_id, "")
    if who:
        free_id = next((i for i in reversed(ROUTER_IDS) if i not in (*here, *heard, vip.router_id)), vip.router_id)
        yield Found(
            f"{who} uses the virtual router id {vip.router_id}, which is the control plane's: each would take the "
            "other's messages for its own",
            f"Set another one: {_FILE}.virtualRouterID: {free_id}",
            error=True,
        )
    elif facts.units.get(SERVICE) == "active":
        yield Found(
            "a keepalived of this machine's own is active; ours runs beside it, with another virtual router id",
            "Leave both, or stop the one that nobody needs: systemctl disable --now keepalived",
        )


ALL = (free, network, peers, router)
