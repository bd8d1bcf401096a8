"""Every port that a control plane listens on is free; who holds it is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.cluster import Arg, ClusterConfig, LocalEtcd
from bootstrap.model.facts import HostFacts, ListeningSocket
from bootstrap.preflight.finding import Found, check
from bootstrap.render.addresses import loopback
from bootstrap.render.controlplane.args import last_value

ANY = ("", "0.0.0.0", "::")
"""As an address to listen on: all of them."""


@dataclass(frozen=True)
class Wanted:
    """A port that something of ours will listen on; no addresses means all."""

    port: int
    user: str
    addresses: tuple[str, ...] = ANY


def wanted(cfg: ClusterConfig) -> list[Wanted]:
    """kubeadm's ports and addresses, etcd's loopback address, and the two that only answer health and metrics."""
    found = [
        Wanted(cfg.api.bind_port, "kube-apiserver", _bound(cfg.cluster.api_server.extra_args)),
        Wanted(names.SCHEDULER_PORT, "kube-scheduler", _bound(cfg.cluster.scheduler.extra_args)),
        Wanted(
            names.CONTROLLER_MANAGER_PORT, "kube-controller-manager", _bound(cfg.cluster.controller_manager.extra_args)
        ),
        Wanted(names.KUBELET_PORT, "the kubelet"),
        Wanted(names.KUBELET_HEALTHZ_PORT, "the kubelet's health endpoint", (loopback(cfg),)),
    ]
    if isinstance(cfg.cluster.etcd, LocalEtcd):
        address = last_value(cfg.cluster.api_server.extra_args, "advertise-address", cfg.api.advertise_address)
        found += [
            Wanted(names.ETCD_CLIENT_PORT, "etcd", (address, loopback(cfg))),
            Wanted(names.ETCD_PEER_PORT, "etcd", (address,)),
            Wanted(names.ETCD_METRICS_PORT, "etcd's health endpoint", (loopback(cfg),)),
        ]
    return found


def _bound(extra: tuple[Arg, ...]) -> tuple[str, ...]:
    return (last_value(extra, "bind-address", ""),)


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
            choice = ", or choose another port: --apiserver-bind-port" if want.port == cfg.api.bind_port else ""
            yield Found(
                f"port {want.port} is taken by {' and by '.join(known)}; {want.user} needs it",
                _stop(holders) + choice,
                where=str(want.port),
            )


def _clash(want: Wanted, held: ListeningSocket) -> bool:
    return held.address in ANY or any(address in (*ANY, held.address) for address in want.addresses)


def _stop(holders: list[ListeningSocket]) -> str:
    services = list(dict.fromkeys(h.unit for h in holders if h.unit.endswith(".service")))
    return f"systemctl stop {' '.join(services)}" if services else "Stop it"


ALL = (ports,)
