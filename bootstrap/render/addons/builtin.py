"""Add-ons: the templates of `manifests/` filled in from the configuration, in the order to apply them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from string import Template
from typing import Any

from bootstrap.formats.yaml_reader import MANIFEST, parse
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.addon import LOCAL_PATH
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import Directory, Effect, File, FlannelSubnet
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import runtime_at
from bootstrap.render.addresses import dns_ip, is_ipv6, node_address, split_endpoint
from bootstrap.render.cluster.objects import Object, sign
from bootstrap.render.images import required
from bootstrap.render.node.kubelet import node_taints, overlaid
from bootstrap.render.patch.directory import patched
from bootstrap.render.proxies import completed

VXLAN_OVERHEAD = 50
"""Bytes of a packet that are not a Pod's (flannel: backend/vxlan encapOverhead)."""
Manifests = Mapping[str, str]
"""Path below `manifests/` (`coredns/coredns.yaml`) → text."""

_PATCH_TARGETS = {
    ("Deployment", "coredns"): "corednsdeployment",
    ("DaemonSet", "kube-proxy"): "kubeproxydaemonset",
}


def kube_proxy(
    cfg: ClusterConfig, facts: HostFacts, manifests: Manifests, patches: Mapping[str, bytes]
) -> tuple[Object, ...]:
    """kube-proxy; nothing if it is disabled."""
    if cfg.cluster.proxy_disabled:
        return ()
    config = to_yaml(proxy_configuration(cfg, facts))
    values = {
        "BOOTSTRAP_GROUP": names.BOOTSTRAP_GROUP,
        "CONFIG": json.dumps(config),
        "CONFIG_HASH": _hash(config, cfg.endpoint),
        "ENDPOINT": cfg.endpoint,
        "IMAGE": required.kubernetes(cfg, "kube-proxy"),
    }
    objects = _filled("kube-proxy", manifests, values, patches)
    for body in objects:
        if body["kind"] == "DaemonSet":
            body["spec"]["template"]["spec"]["containers"][0]["env"] += _environment(completed(cfg, facts.proxies))
        if body["kind"] == "ConfigMap" and not cfg.cluster.kube_proxy:
            sign(body)
    return objects


def proxy_configuration(cfg: ClusterConfig, facts: HostFacts) -> dict[str, Any]:
    """The KubeProxyConfiguration: the user's document over our defaults, nftables among them."""
    defaults: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": "::" if is_ipv6(node_address(cfg, facts)) else "0.0.0.0",
        "clientConnection": {"kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf"},
        "mode": "nftables",
    }
    if cfg.cluster.networking.pod_subnet:
        defaults["clusterCIDR"] = cfg.cluster.networking.pod_subnet
    if not facts.conntrack_writable:
        defaults["conntrack"] = {"maxPerCore": 0}
    return overlaid(defaults, cfg.cluster.kube_proxy)


def coredns(
    cfg: ClusterConfig, facts: HostFacts, manifests: Manifests, patches: Mapping[str, bytes]
) -> tuple[Object, ...]:
    """CoreDNS; nothing if it is disabled.

    In a node container it is given the API server's own address, and does not wait for kube-proxy's rules (ADR 9).
    """
    if cfg.cluster.dns_disabled:
        return ()
    values = {
        "CONTROL_PLANE_ROLE": names.CONTROL_PLANE_ROLE,
        "DNS_DOMAIN": cfg.cluster.networking.dns_domain,
        "DNS_IP": dns_ip(cfg),
        "IMAGE": required.coredns(cfg),
    }
    objects = _filled("coredns", manifests, values, patches)
    if facts.mode == "node":
        host, port = split_endpoint(cfg.endpoint)
        for body in objects:
            if body["kind"] == "Deployment":
                env = body["spec"]["template"]["spec"]["containers"][0].setdefault("env", [])
                env += _environment({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})
    return objects


def flannel(cfg: ClusterConfig, facts: HostFacts, manifests: Manifests) -> tuple[Object, ...]:
    """flannel; nothing if another CNI is configured."""
    if cfg.own.cni != "flannel":
        return ()
    host, port = split_endpoint(cfg.endpoint)
    network = json.dumps(flannel_network(cfg, facts), indent=2) + "\n"
    values = {
        "ADDRESSES": names.FLANNEL_ADDRESSES,
        "API_HOST": host,
        "API_PORT": port,
        "CNI_CONF": runtime_at(cfg.node.cri_socket, facts.mode).cni_conf,
        "CONFIG_HASH": _hash(network),
        "IMAGE": required.flannel(cfg),
        "NET_CONF": json.dumps(network),
    }
    return _filled("flannel", manifests, values, {})


def flannel_files(cfg: ClusterConfig, facts: HostFacts, manifests: Manifests) -> tuple[Effect, ...]:
    """This node's own network before flanneld is up: it needs no other node, and is the same as flanneld's.

    Only for IPv4 alone, on an interface whose MTU is known; flanneld makes its own otherwise (ADR 9).
    """
    subnets = cfg.cluster.networking.pod_subnets
    mtu = next((a.mtu for a in facts.addresses if a.address == node_address(cfg, facts)), 0)
    if cfg.own.cni != "flannel" or len(subnets) != 1 or is_ipv6(subnets[0]) or not mtu:
        return ()
    conflist = f"{runtime_at(cfg.node.cri_socket, facts.mode).cni_conf}/{names.FLANNEL_CONFLIST}"
    settings = next(o for o in flannel(cfg, facts, manifests) if o["kind"] == "ConfigMap")["data"]
    return (
        FlannelSubnet(names.FLANNEL_SUBNET, cfg.node.name, subnets[0], mtu - VXLAN_OVERHEAD),
        Directory(names.FLANNEL_ADDRESSES, 0o700),
        File(f"{names.FLANNEL_ADDRESSES}/lock", b"", mode=0o600),
        File(conflist, settings["cni-conf.json"].encode(), mode=0o600, once=True),
    )


def flannel_network(cfg: ClusterConfig, facts: HostFacts) -> dict[str, Any]:
    """net-conf.json: the Pod subnets of each family; the same packet filter as kube-proxy's."""
    subnets = cfg.cluster.networking.pod_subnets
    if not subnets:
        raise BootstrapError(
            "flannel has no Pod network to run",
            code=Exit.CONFIG,
            why="networking.podSubnet is empty",
            fix=f"set networking.podSubnet (for example {names.POD_SUBNET}), or cni: none to install one yourself",
        )
    network: dict[str, Any] = {
        "EnableNFTables": proxy_configuration(cfg, facts)["mode"] == "nftables",
        "Backend": {"Type": "vxlan"},
    }
    v4, v6 = ([s for s in subnets if is_ipv6(s) == family] for family in (False, True))
    if v4:
        network["Network"] = v4[0]
    else:
        network["EnableIPv4"] = False
    if v6:
        network |= {"EnableIPv6": True, "IPv6Network": v6[0]}
    return network


def storage(cfg: ClusterConfig, manifests: Manifests) -> tuple[Object, ...]:
    """A default StorageClass and its provisioner; nothing unless the configuration asks for it."""
    if cfg.own.storage != LOCAL_PATH:
        return ()
    values = {
        "CLASS": names.STORAGE_CLASS,
        "CONTROL_PLANE_ROLE": names.CONTROL_PLANE_ROLE,
        "FOLDER": names.VOLUMES,
        "IMAGE": required.local_path_provisioner(cfg),
    }
    return _filled("storage", manifests, values, {})


def load_balancer(cfg: ClusterConfig, facts: HostFacts, manifests: Manifests) -> tuple[Object, ...]:
    """MetalLB with the addresses of the configuration; nothing where there are none."""
    if not cfg.own.load_balancer_addresses:
        return ()
    # Where control planes are all that there is, or are nodes like others, their label would leave nobody to answer.
    everywhere = not any(taint.key == names.CONTROL_PLANE_ROLE for taint in node_taints(cfg, facts))
    host, port = split_endpoint(cfg.endpoint)
    values = {
        "API_HOST": host,
        "API_PORT": port,
        "ADDRESSES": json.dumps(list(cfg.own.load_balancer_addresses)),
        "CONTROL_PLANE_ROLE": names.CONTROL_PLANE_ROLE,
        "CONTROLLER": required.metallb(cfg, "controller"),
        "IGNORE_EXCLUDED": f"--ignore-exclude-lb={str(everywhere).lower()}",
        "NAMESPACE": names.METALLB_NAMESPACE,
        "SPEAKER": required.metallb(cfg, "speaker"),
    }
    return _filled("load-balancer", manifests, values, {})


def _filled(
    addon: str, manifests: Manifests, values: Mapping[str, str], patches: Mapping[str, bytes]
) -> tuple[Object, ...]:
    """Every document of the add-on's folder with its placeholders filled and its patches applied."""
    objects: list[Object] = []
    for path in sorted(p for p in manifests if p.startswith(f"{addon}/")):
        for body in parse(Template(manifests[path]).substitute(values), MANIFEST):
            target = _PATCH_TARGETS.get((body["kind"], body["metadata"]["name"]))
            objects.append(patched(target, body, patches) if target else body)
    return tuple(objects)


def _environment(proxies: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(proxies.items())]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
