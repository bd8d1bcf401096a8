"""Checks of addresses, interfaces, routes, forwarding, name servers, firewall."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import Address, HostFacts
from bootstrap.preflight.finding import Found, check

SMALLEST_MTU = 1450
"""What common overlays of clouds leave; below it vxlan leaves Pods less than 1400 bytes."""
MOST_NAME_SERVERS = 3
"""resolv.conf(5) MAXNS; the kubelet drops the others."""


@check(
    "FileContent--proc-sys-net-ipv4-ip_forward",
    "IPv4 forwarding is on, if the cluster uses IPv4; on a host `init` turns it on.",
    "`sysctl -w net.ipv4.ip_forward=1`.",
    kubeadm=True,
)
def forwarding(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.mode == "node" and not facts.ip_forward and any(":" not in subnet for subnet in _ranges(cfg)):
        yield Found("IPv4 forwarding is off", "sysctl -w net.ipv4.ip_forward=1")


@check(
    "FileContent--proc-sys-net-ipv6-conf-default-forwarding",
    "IPv6 forwarding is on, if the cluster uses IPv6; on a host `init` turns it on.",
    "`sysctl -w net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.forwarding=1`.",
    kubeadm=True,
)
def ipv6_forwarding(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.mode == "node" and not facts.ipv6_forward and any(":" in subnet for subnet in _ranges(cfg)):
        yield Found(
            "IPv6 forwarding is off", "sysctl -w net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.forwarding=1"
        )


def _ranges(cfg: ClusterConfig) -> tuple[str, ...]:
    return (*cfg.cluster.networking.service_subnets, *cfg.cluster.networking.pod_subnets, cfg.api.advertise_address)


@check(
    "AdvertiseAddress",
    "The address that the API server advertises is one of this node's.",
    "Give one of them with `--apiserver-advertise-address`.",
    error=False,
)
def advertise_address(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if cfg.api.advertise_address not in {a.address for a in facts.addresses}:
        known = ", ".join(a.address for a in facts.addresses) or "none"
        yield Found(
            f"{cfg.api.advertise_address} is not an address of this node (it has: {known})",
            "Give one of them with --apiserver-advertise-address",
        )


@check(
    "NetworkInterfaces",
    "One interface has an address that the node can be known by, or the user said which address it is.",
    "Say which: `--apiserver-advertise-address`.",
    error=False,
)
def interfaces(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    candidates = _candidates(cfg, facts)
    if facts.configured.address_given or len({a.interface for a in candidates}) < 2:
        return
    chosen = next((a for a in candidates if a.address == cfg.api.advertise_address), None)
    if chosen is None:
        return
    why = "it has the default route" if chosen.default else "no interface has a default route, and it came first"
    yield Found(
        f"several interfaces have an address ({', '.join(f'{a.interface} {a.address}' for a in candidates)}): "
        f"{chosen.address} of {chosen.interface} was chosen, since {why}",
        f"Say it yourself: --apiserver-advertise-address {chosen.address}",
    )


def _candidates(cfg: ClusterConfig, facts: HostFacts) -> list[Address]:
    return [a for a in facts.addresses if (":" in a.address) == (":" in cfg.api.advertise_address)]


@check(
    "DefaultRoute",
    "There is a default route. Without one the cluster works inside of its networks; nothing outside is reached.",
    "Add one, if the node is to reach other networks.",
    error=False,
)
def default_route(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.has_default_route:
        return
    message = f"there is no default route; the node's address is {cfg.api.advertise_address}"
    if facts.mode == "host":
        message += f", and init adds a route for the Service range {cfg.cluster.networking.service_subnet}"
    yield Found(message, "ip route add default via GATEWAY, if the node is to reach other networks")


@check(
    "MTU",
    f"The node's interface carries packets of at least {SMALLEST_MTU} bytes, and all candidates carry the same.",
    "Set the interface's MTU to what the network carries.",
    error=False,
)
def mtu(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    candidates = _candidates(cfg, facts)
    chosen = next((a for a in candidates if a.address == cfg.api.advertise_address), None)
    if chosen is None:
        return
    if chosen.mtu < SMALLEST_MTU:
        yield Found(
            f"the MTU of {chosen.interface} is {chosen.mtu}, less than {SMALLEST_MTU}: Pods get 50 bytes less",
            f"ip link set {chosen.interface} mtu 1500, if the network carries that",
        )
    by_interface = {a.interface: a.mtu for a in candidates}
    if len(set(by_interface.values())) > 1:
        yield Found(
            f"the MTUs differ ({', '.join(f'{name} {size}' for name, size in by_interface.items())}): "
            "large packets between nodes get lost where the smaller one is in the way",
            f"Give all interfaces the same, or make sure that all nodes talk through {chosen.interface}",
        )


@check(
    "ResolvConf",
    f"Pods can use the name servers of the node: one to {MOST_NAME_SERVERS}, not all of them loopback addresses. "
    "systemd-resolved's stub is no problem: Pods get the servers behind it.",
    "Name a server that Pods reach in `/etc/resolv.conf`.",
    error=False,
)
def name_servers(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    servers = facts.name_servers
    if not servers:
        yield Found("/etc/resolv.conf names no server: Pods resolve names of the cluster only", "Add a nameserver line")
    elif all(_is_loopback(s) for s in servers) and not facts.resolved_active and not facts.pod_resolv_conf:
        yield Found(
            f"/etc/resolv.conf names {', '.join(servers)} only, which is nobody's in a Pod: CoreDNS would ask itself",
            "Add a nameserver line with an address that Pods reach, or set resolvConf in KubeletConfiguration",
        )
    if len(servers) > MOST_NAME_SERVERS:
        yield Found(
            f"/etc/resolv.conf names {len(servers)} servers, and only the first {MOST_NAME_SERVERS} are used",
            "Leave out the others",
        )


def _is_loopback(server: str) -> bool:
    try:
        return ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False


@check(
    "Firewalld",
    "firewalld does not run, or lets the cluster's ports through.",
    "Open the ports, or stop firewalld.",
    error=False,
    kubeadm=True,
    host=True,
)
def firewalld(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.units.get("firewalld.service") == "active":
        ports = f"--add-port={cfg.api.bind_port}/tcp --add-port={names.KUBELET_PORT}/tcp"
        yield Found(
            f"firewalld is active: other nodes need the ports {cfg.api.bind_port} and {names.KUBELET_PORT}",
            f"firewall-cmd --permanent {ports} && firewall-cmd --reload",
        )


ALL = (
    forwarding,
    ipv6_forwarding,
    advertise_address,
    interfaces,
    default_route,
    mtu,
    name_servers,
    firewalld,
)
