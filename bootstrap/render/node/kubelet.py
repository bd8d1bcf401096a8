"""Everything the kubelet reads: its configuration (cluster-wide and on disk), unit, drop-in and flags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Taint
from bootstrap.model.effects import File
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import runtime_at
from bootstrap.render.addresses import dns_ip, is_ipv6, node_address
from bootstrap.render.controlplane.args import command_line, last_value
from bootstrap.render.node.registry_logins import FLAGS, kubelet_logins
from bootstrap.render.patch.directory import patched

RESOLVED_CONF = "/run/systemd/resolve/resolv.conf"
CIPHER_SUITES = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
]
"""By the names that CIS 4.2.12 lists: two of them are Kubernetes' older ones."""
_HARDENED = {
    "podPidsLimit": 4096,
    "seccompDefault": True,
    "streamingConnectionIdleTimeout": "5m0s",
    "tlsCipherSuites": CIPHER_SUITES,
}
_THROWAWAY = {
    "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
    "imageGCHighThresholdPercent": 100,
    "configMapAndSecretChangeDetectionStrategy": "Get",
}
"""A node container shares its disk with the whole machine: how full it is says nothing about the node.

It must also start fast: watches of a new Pod's ConfigMaps are refused until the API server's node authorizer has seen
the Pod, and are tried again too late for the mount; asking at each mount saves kube-proxy 2 s.
"""


def kubelet_files(cfg: ClusterConfig, facts: HostFacts, patches: Mapping[str, bytes]) -> tuple[File, ...]:
    """All files of the kubelet but its kubeconfig."""
    configuration = node_configuration(cfg, facts, patches)
    instance = instance_configuration(cfg, facts, configuration)
    resolv_conf = facts.pod_resolv_conf.encode()
    return (
        *((File(names.POD_RESOLV_CONF, resolv_conf),) if resolv_conf else ()),
        File(names.KUBELET_FLAGS_ENV, kubelet_flags(cfg, facts)),
        File(names.KUBELET_INSTANCE_CONFIG, to_yaml(instance).encode()),
        File(names.KUBELET_CONFIG, to_yaml(configuration).encode(), mode=0o600),
        File(names.KUBELET_UNIT, _unit(cfg, facts).encode()),
        File(names.KUBELET_DROP_IN, _drop_in(facts).encode(), mode=0o600),
    )


def cluster_configuration(cfg: ClusterConfig) -> dict[str, Any]:
    """The KubeletConfiguration that every node shares: the user's document over our defaults."""
    defaults: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{cfg.cluster.certificates_dir}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "systemd",
        "clusterDNS": [dns_ip(cfg)],
        "clusterDomain": cfg.cluster.networking.dns_domain,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": names.KUBELET_HEALTHZ_PORT,
        "staticPodPath": names.MANIFESTS_DIR,
    }
    if cfg.own.hardening:
        defaults |= _HARDENED
        if cfg.own.verify_kubelets is not False and not cfg.cluster.kubelet.get("tlsCertFile"):
            defaults["serverTLSBootstrap"] = True
    return overlaid(defaults, cfg.cluster.kubelet) | {"rotateCertificates": True}


def asks(cfg: ClusterConfig) -> bool:
    """Whether kubelets ask the cluster for the certificate that they serve with."""
    return cluster_configuration(cfg).get("serverTLSBootstrap") is True


def verified(cfg: ClusterConfig) -> bool:
    """Whether the API server believes only those that the cluster has signed."""
    return cfg.own.hardening and cfg.own.verify_kubelets is not False and asks(cfg)


def serving_file(cfg: ClusterConfig) -> str:
    """Where the kubelet keeps it."""
    directory, _, name = names.KUBELET_SERVING_CURRENT.rpartition("/")
    return f"{last_value(cfg.node.kubelet_extra_args, 'cert-dir', directory)}/{name}"


def node_configuration(cfg: ClusterConfig, facts: HostFacts, patches: Mapping[str, bytes]) -> dict[str, Any]:
    """What stands in this node's config.yaml: the shared one, what this machine needs, patches, the runtime's socket.

    What the machine needs never replaces what the user wrote.
    """
    extras = overlaid(_machine(cfg, facts), cfg.cluster.kubelet)
    configuration = overlaid(cluster_configuration(cfg), extras)
    return {**patched("kubeletconfiguration", configuration, patches), **_runtime(cfg)}


def instance_configuration(cfg: ClusterConfig, facts: HostFacts, node: Mapping[str, Any]) -> dict[str, Any]:
    """What `node`, this machine's configuration, has beyond the shared one: kubeadm merges it into that when it
    upgrades a node, and writes it nowhere else. What the user wrote for all nodes stays theirs to change."""
    ours = [key for key in _machine(cfg, facts) if key not in cfg.cluster.kubelet and key in node]
    return {key: node[key] for key in ours} | _runtime(cfg)


def node_taints(cfg: ClusterConfig, facts: HostFacts) -> tuple[Taint, ...]:
    """Taints the node registers with: the user's, else kubeadm's for a control plane unless workloads may run here.

    At registration rather than through the API: a Node's taints are one atomic list, and it is not ours alone.
    """
    if cfg.node.taints is not None:
        return cfg.node.taints
    allowed = cfg.own.workloads_on_control_plane
    if cfg.node.api is None or allowed or (allowed is None and facts.mode == "node"):
        return ()
    return (Taint(names.CONTROL_PLANE_ROLE, "NoSchedule"),)


def kubelet_flags(cfg: ClusterConfig, facts: HostFacts) -> bytes:
    """kubeadm-flags.env: the name if it is not the hostname, the address if the kubelet would not find it by itself,
    logins of mirrors unless the user has a credential provider, and the user's own flags."""
    extra = cfg.node.kubelet_extra_args
    name = last_value(extra, "hostname-override", cfg.node.name)
    defaults = {"hostname-override": name} if name != facts.hostname else {}
    if kubelet_logins(cfg.own.mirrors) and not any(arg.name in FLAGS for arg in extra):
        defaults |= FLAGS
    if addresses := _node_ip(cfg, facts):
        defaults["node-ip"] = addresses
    value = json.dumps(" ".join(command_line(defaults, extra)), ensure_ascii=False)
    return f"KUBELET_KUBEADM_ARGS={value}\n".encode()


def _node_ip(cfg: ClusterConfig, facts: HostFacts) -> str:
    """Empty where the kubelet finds it: it takes one address, IPv4 before IPv6, with the lowest default route.

    Of IPv6 the one that came last, which may be the control plane's.
    """
    own = node_address(cfg, facts)
    if not own:
        return ""
    other = next((a.address for a in facts.addresses if is_ipv6(a.address) != is_ipv6(own)), "")
    if other and len({is_ipv6(subnet) for subnet in cfg.cluster.networking.service_subnets}) > 1:
        return f"{own},{other}"
    routed = [a.address for a in facts.addresses if a.default][:1]
    of_several = other or (cfg.own.control_plane_vip and cfg.node.api)
    if (of_several and is_ipv6(own)) or (facts.mode == "host" and facts.addresses and own not in routed):
        return own
    return ""


def overlaid(defaults: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` over `defaults`: maps merge, everything else in `document` wins."""
    merged = deepcopy(dict(defaults))
    for key, value in document.items():
        ours = merged.get(key)
        if isinstance(ours, dict) and isinstance(value, Mapping):
            merged[key] = overlaid(ours, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def _machine(cfg: ClusterConfig, facts: HostFacts) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if taints := node_taints(cfg, facts):
        extras["registerWithTaints"] = [taint.document for taint in taints]
    if facts.resolved_active:
        extras["resolvConf"] = RESOLVED_CONF
    if facts.pod_resolv_conf:
        extras["resolvConf"] = names.POD_RESOLV_CONF
    if facts.cgroup_version == 1:
        extras["failCgroupV1"] = False
    if facts.swap:
        extras["failSwapOn"] = False
    # A threshold map is the user's as a whole: ours would add to it.
    throwaway = {k: v for k, v in _THROWAWAY.items() if k not in cfg.cluster.kubelet} if facts.mode == "node" else {}
    return extras | throwaway


def _runtime(cfg: ClusterConfig) -> dict[str, str]:
    return {"containerRuntimeEndpoint": cfg.node.cri_socket}


def _binary(facts: HostFacts) -> str:
    return f"{names.HOST_BIN_DIR}/kubelet" if facts.mode == "host" else names.KUBELET_BIN


def _unit(cfg: ClusterConfig, facts: HostFacts) -> str:
    """`kubelet.service`: restarted for ever, since it may start before its configuration exists."""
    pause = 1 if facts.mode == "node" else 10
    after = " ".join(filter(None, ("network-online.target", runtime_at(cfg.node.cri_socket, facts.mode).unit)))
    return f"""\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After={after}
StartLimitIntervalSec=0

[Service]
ExecStart={_binary(facts)}
Restart=always
RestartSec={pause}

[Install]
WantedBy=multi-user.target
"""


_KUBECONFIGS = f"--bootstrap-kubeconfig={names.BOOTSTRAP_KUBELET_CONF} --kubeconfig={names.KUBELET_CONF}"


def _drop_in(facts: HostFacts) -> str:
    return f"""\
# Same variables and order as the packages of kubeadm: KUBELET_EXTRA_ARGS in /etc/default/kubelet has the last word.
[Service]
Environment="KUBELET_KUBECONFIG_ARGS={_KUBECONFIGS}"
Environment="KUBELET_CONFIG_ARGS=--config={names.KUBELET_CONFIG}"
EnvironmentFile=-{names.KUBELET_FLAGS_ENV}
EnvironmentFile=-/etc/default/kubelet
EnvironmentFile=-/etc/sysconfig/kubelet
ExecStart=
ExecStart={_binary(facts)} $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""
