"""What the control plane has beyond kubeadm's defaults: extraArgs, extraEnvs and extraVolumes before the user's.

So kubeadm keeps it: it writes static Pods anew when it upgrades a control plane, and when another one joins, from the
ClusterConfiguration in kubeadm-config, and what is not in there would be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bootstrap.model.cluster import Arg, ClusterConfig, Component, Document, LocalEtcd
from bootstrap.model.facts import HostFacts
from bootstrap.render.controlplane import audit, encryption
from bootstrap.render.controlplane.args import last_value
from bootstrap.render.node.kubelet import verified

_PROFILING_OFF = {"profiling": "false"}
_SPEED = {"kube-api-qps": "300", "kube-api-burst": "600"}
"""The controller manager's default of 20 requests a second makes a new cluster's first Pods wait for seconds."""
_NEAR = {"election-timeout": "500"}
"""Milliseconds, etcd's least for its heartbeat of 100. A lone member elects itself within this time of its start; the
default of 1000 is for members that are far from each other, and those of node containers are on one machine."""
_HASTE = {"GOGC": "400"}
"""In node mode: Go's collector would take a fifth of a small machine while the control plane starts (ADR 10)."""


def stored(cfg: ClusterConfig, facts: HostFacts, *, joins: bool = False) -> ClusterConfig:
    """`cfg` with what is ours, as kubeadm-config has it and static Pods are made from it.

    Never for the state of the next run: that is what the user wants. An etcd member that `joins` others has the limits
    of kubeadm-config, which are for all, and none of its own.
    """
    spec, envs = cfg.cluster, _environment(facts)
    api_server = _component(spec.api_server, _apiserver_flags(cfg), envs)
    etcd = spec.etcd
    if isinstance(etcd, LocalEtcd):
        args, extra = _args({} if joins else _etcd_flags(facts, etcd), etcd.extra_args), _envs(envs, etcd.extra_envs)
        etcd = replace(etcd, extra_args=args, extra_envs=extra)
    volumes = (*audit.volumes(cfg), *encryption.volumes(cfg), *spec.api_server.extra_volumes)
    changed = replace(
        spec,
        api_server=replace(api_server, extra_volumes=volumes),
        controller_manager=_component(spec.controller_manager, _controller_manager_flags(cfg), envs),
        scheduler=_component(spec.scheduler, _scheduler_flags(cfg), envs),
        etcd=etcd,
    )
    return replace(cfg, cluster=changed)


def _apiserver_flags(cfg: ClusterConfig) -> dict[str, str]:
    """Hardening, and the encryption of Secrets."""
    encrypts = encryption.FLAGS if cfg.own.encryption else {}
    if not cfg.own.hardening:
        return encrypts
    flags = _PROFILING_OFF | audit.FLAGS | {"service-account-extend-token-expiration": "false"} | encrypts
    if verified(cfg):
        flags["kubelet-certificate-authority"] = f"{cfg.cluster.certificates_dir}/ca.crt"
    return flags


def _controller_manager_flags(cfg: ClusterConfig) -> dict[str, str]:
    """Hardening and speed."""
    return _SPEED | _scheduler_flags(cfg)


def _scheduler_flags(cfg: ClusterConfig) -> dict[str, str]:
    """Hardening."""
    return _PROFILING_OFF if cfg.own.hardening else {}


def _etcd_flags(facts: HostFacts, etcd: LocalEtcd) -> dict[str, str]:
    """Speed of node containers, unless the user has another heartbeat."""
    near = facts.mode == "node" and not last_value(etcd.extra_args, "heartbeat-interval", "")
    return _NEAR if near else {}


def _environment(facts: HostFacts) -> dict[str, str]:
    """Of every static Pod."""
    return _HASTE if facts.mode == "node" else {}


def _component(settings: Component, flags: Mapping[str, str], envs: Mapping[str, str]) -> Component:
    return replace(settings, extra_args=_args(flags, settings.extra_args), extra_envs=_envs(envs, settings.extra_envs))


def _args(ours: Mapping[str, str], extra: tuple[Arg, ...]) -> tuple[Arg, ...]:
    """Ours, but for those that the user set, then the user's."""
    taken = {arg.name for arg in extra}
    return (*(Arg(name, value) for name, value in sorted(ours.items()) if name not in taken), *extra)


def _envs(ours: Mapping[str, str], extra: tuple[Document, ...]) -> tuple[Document, ...]:
    taken = {entry["name"] for entry in extra}
    return (*({"name": name, "value": value} for name, value in ours.items() if name not in taken), *extra)
