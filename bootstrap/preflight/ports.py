"""Every port that a control plane listens on is free; who holds it is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.model import names
from bootstrap.model.cluster import Arg, ClusterConfig
from bootstrap.model.facts import HostFacts, ListeningSocket
from bootstrap.preflight.finding import Found, check, listed
from bootstrap.preflight.kubelet import setting
from bootstrap.preflight.network import own_addresses
from bootstrap.render.addresses import as_ip, loopback
from bootstrap.render.controlplane.args import last_value

"""As an address to listen on: all of them."""


@dataclass(frozen=True)
class Wanted:
    """A port that something of ours will listen on; no addresses means all."""

    port: int
    user: str
    addresses: tuple[str, ...] = names.ANY_ADDRESS


def wanted(cfg: ClusterConfig) -> list[Wanted]:
    """kubeadm's ports and addresses, unless the configuration has others; etcd's loopback address; and the two that
    only answer health and metrics. Port 0 is none."""
    scheduler, manager = cfg.cluster.scheduler.extra_args, cfg.cluster.controller_manager.extra_args
    address = setting(cfg, "address", "address") or names.ANY_ADDRESS[0]
    health = setting(cfg, "healthzBindAddress", "healthz-bind-address") or loopback(cfg)
    health_port = setting(cfg, "healthzPort", "healthz-port")
    found = [
        Wanted(_number(setting(cfg, "port", "port"), names.KUBELET_PORT), "the kubelet", (address,)),
        Wanted(_number(health_port, names.KUBELET_HEALTHZ_PORT), "the kubelet's health endpoint", (health,)),
    ]
    if cfg.node.api:
        found += [
            Wanted(cfg.node.api.bind_port, "kube-apiserver", _bound(cfg.cluster.api_server.extra_args)),
            Wanted(_secure_port(scheduler, names.SCHEDULER_PORT), "kube-scheduler", _bound(scheduler)),
            Wanted(_secure_port(manager, names.CONTROLLER_MANAGER_PORT), "kube-controller-manager", _bound(manager)),
        ]
    if cfg.local_etcd:
        found += _etcd(cfg, cfg.local_etcd.extra_args)
    return [want for want in found if want.port]


def _etcd(cfg: ClusterConfig, extra: tuple[Arg, ...]) -> Iterator[Wanted]:
    """Where its flags say that it listens; `https://ADDRESS:PORT,…` each."""
    own = last_value(cfg.cluster.api_server.extra_args, "advertise-address", cfg.api.advertise_address)
    for flag, port, user, addresses in (
        ("listen-client-urls", names.ETCD_CLIENT_PORT, "etcd", (own, loopback(cfg))),
        ("listen-peer-urls", names.ETCD_PEER_PORT, "etcd", (own,)),
        ("listen-metrics-urls", names.ETCD_METRICS_PORT, "etcd's health endpoint", (loopback(cfg),)),
    ):
        written = last_value(extra, flag, "")
        if not written:
            yield Wanted(port, user, addresses)
            continue
        for url in map(urlsplit, written.split(",")):
            yield Wanted(_number(url.netloc.rpartition(":")[2], port), user, (url.hostname or "",))


def _bound(extra: tuple[Arg, ...]) -> tuple[str, ...]:
    return (last_value(extra, "bind-address", ""),)


def _secure_port(extra: tuple[Arg, ...], default: int) -> int:
    return _number(last_value(extra, "secure-port", ""), default)


def _number(text: str, default: int) -> int:
    """What is no number is refused by its component."""
    return int(text) if text.isdecimal() else default


@check(
    "Port-*",
    "Nothing else listens on the ports of the control plane, etcd and the kubelet, at the addresses they use.",
    "Stop who holds it; the API server's port can be chosen: `--apiserver-bind-port`.",
    kubeadm=True,
    fresh=True,
)
def ports(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    for want in wanted(cfg):
        holders = [held for held in facts.listeners if held.port == want.port and _clash(want, held)]
        if holders:
            known = list(dict.fromkeys(h.holder for h in holders if h.process)) or ["a process not visible from here"]
            movable = cfg.node.api and want.port == cfg.node.api.bind_port
            choice = ", or choose another port: --apiserver-bind-port" if movable else ""
            yield Found(
                f"port {want.port} is taken by {' and by '.join(known)}; {want.user} needs it",
                _stop(holders) + choice,
                where=str(want.port),
            )


def _clash(want: Wanted, held: ListeningSocket) -> bool:
    return held.address in names.ANY_ADDRESS or any(
        address in (*names.ANY_ADDRESS, held.address) for address in want.addresses
    )


def _stop(holders: list[ListeningSocket]) -> str:
    services = list(dict.fromkeys(h.unit for h in holders if h.unit.endswith(".service")))
    return f"systemctl stop {' '.join(services)}" if services else "Stop it"


@check(
    "ListenAddress",
    "Every address that a flag, or the kubelet's configuration, tells a component to listen at is one of this "
    "machine's; so is `node-ip` of the kubelet.",
    "Correct the flag, or leave it out.",
)
def listen_addresses(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    """The advertise address has a check of its own."""
    told = [(want.user, address) for want in wanted(cfg) for address in want.addresses if address not in _own(cfg)]
    node_ip = last_value(cfg.node.kubelet_extra_args, "node-ip", "").split(",")
    there = {as_ip(text) for text in own_addresses(facts)}
    for user, text in dict.fromkeys([*told, *(("the kubelet (node-ip)", text.strip()) for text in node_ip)]):
        address = as_ip(text)
        if address and not (address.is_loopback or address.is_unspecified or address in there):
            known = [a.address for a in facts.addresses]
            yield Found(
                f"{user} is told to use the address {text}, and no interface has it: this node has "
                f"{listed(known) if known else 'none'}",
                "Correct it in extraArgs, kubeletExtraArgs or KubeletConfiguration, or leave it out",
            )


def _own(cfg: ClusterConfig) -> set[str]:
    if cfg.node.api is None:
        return set()
    given = last_value(cfg.cluster.api_server.extra_args, "advertise-address", "")
    return {cfg.node.api.advertise_address, given}


ALL = (ports, listen_addresses)
