"""Checks of addresses, interfaces, routes, forwarding, firewall."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, LocalEtcd
from bootstrap.model.facts import Address, HostFacts
from bootstrap.preflight.finding import Found, check, listed
from bootstrap.preflight.mode import host_run
from bootstrap.render.addresses import as_ip, node_address

ETCD_LISTENS = {"listen-client-urls", "listen-peer-urls"}
"""Flags of etcd that have the advertise address unless the user gives them."""
ENGINE_LINK = "docker0"
"""Docker's bridge, on every machine with an engine, and in no container of its own network."""
SMALLEST_MTU = 1450
"""What common overlays of clouds leave; below it vxlan leaves Pods less than 1400 bytes."""


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
    network, own = cfg.cluster.networking, [cfg.node.api.advertise_address] if cfg.node.api else []
    return (*network.service_subnets, *network.pod_subnets, *own)


@check(
    "HostNetwork",
    "A node container has a network of its own. With `--network=host` the links, routes and packet filter of its Pods "
    "would be the machine's, and stay there when the container is removed.",
    "Leave `--network=host` out and publish ports (`-p 6443:6443`), or use host mode, whose `reset` takes all back.",
    fresh=True,
)
def host_network(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.mode == "node" and (facts.initial_network or ENGINE_LINK in facts.links):
        yield Found(
            "this container has the machine's network (--network=host): what Pods need would stay there without it",
            f"docker run -d --privileged -p {names.API_PORT}:{names.API_PORT} {names.IMAGE} init; "
            f"or make the machine itself a node: {host_run('init')}",
        )


@check(
    "AdvertiseAddress",
    "The address that the API server advertises is one of this node's: etcd listens there. With an external etcd, or "
    "with addresses of its own for etcd, another one is a warning.",
    "Give one of them with `--apiserver-advertise-address`, or leave it out of the configuration.",
    control_plane=True,
)
def advertise_address(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    own = cfg.api.advertise_address
    if as_ip(own) in map(as_ip, own_addresses(facts)):
        return
    known = [f"{a.address} ({a.interface})" for a in facts.addresses]
    placeholder = own == names.ADVERTISE_PLACEHOLDER
    yield Found(
        f"no interface has the address {own}"
        + (", the placeholder that `kubeadm config print init-defaults` writes" if placeholder else "")
        + f": this node has {listed(known) if known else 'none'}",
        "Leave localAPIEndpoint.advertiseAddress out: the address of the default route is taken"
        if placeholder
        else "Give one of these: "
        + (f"--apiserver-advertise-address {facts.addresses[0].address}" if known else "ip address add …")
        + "; a virtual or public address that leads here belongs in controlPlaneEndpoint",
        error=_etcd_listens_there(cfg),
    )


def own_addresses(facts: HostFacts) -> tuple[str, ...]:
    """All of the machine's, also those by which nobody reaches the node."""
    return (*(a.address for a in facts.addresses), *(a.address for a in facts.attached if a.address))


def _etcd_listens_there(cfg: ClusterConfig) -> bool:
    etcd = cfg.cluster.etcd
    given = {arg.name for arg in etcd.extra_args} if isinstance(etcd, LocalEtcd) else ETCD_LISTENS
    return not given >= ETCD_LISTENS


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
    chosen = next((a for a in candidates if a.address == node_address(cfg, facts)), None)
    if chosen is None:
        return
    why = "no interface has a default route, and it came first"
    if chosen.default:
        ways = [f"{a.interface} {a.metric}" for a in candidates if a.default]
        lowest = f"its default route has the lowest metric ({', '.join(ways)})"
        why = lowest if len(ways) > 1 else "it has the default route"
    yield Found(
        f"several interfaces have an address ({', '.join(f'{a.interface} {a.address}' for a in candidates)}): "
        f"{chosen.address} of {chosen.interface} was chosen, since {why}",
        f"Say it yourself: --apiserver-advertise-address {chosen.address}",
    )


def _candidates(cfg: ClusterConfig, facts: HostFacts) -> list[Address]:
    return [a for a in facts.addresses if (":" in a.address) == (":" in node_address(cfg, facts))]


@check(
    "DefaultRoute",
    "There is a default route. Without one the cluster works inside of its networks; nothing outside is reached.",
    "Add one, if the node is to reach other networks.",
    error=False,
)
def default_route(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.has_default_route:
        return
    message = f"there is no default route; the node's address is {node_address(cfg, facts)}"
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
    chosen = next((a for a in candidates if a.address == node_address(cfg, facts)), None)
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
    "Firewalld",
    "firewalld does not run, or lets the cluster's ports through.",
    "Open the ports, or stop firewalld.",
    error=False,
    kubeadm=True,
    host=True,
)
def firewalld(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.units.get("firewalld.service") == "active":
        kubelet = cfg.cluster.kubelet.get("port") or names.KUBELET_PORT
        ports = [*([cfg.node.api.bind_port] if cfg.node.api else []), kubelet]
        added = " ".join(f"--add-port={port}/tcp" for port in ports)
        added += " --add-protocol=vrrp" if cfg.own.control_plane_vip and cfg.node.api else ""
        yield Found(
            f"firewalld is active: other nodes need the ports {listed([str(port) for port in ports])}",
            f"firewall-cmd --permanent {added} && firewall-cmd --reload",
        )


ALL = (
    host_network,
    forwarding,
    ipv6_forwarding,
    advertise_address,
    interfaces,
    default_route,
    mtu,
    firewalld,
)
