"""Image references, derived exactly as kubeadm derives them from a repository and a version."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, LocalEtcd

COREDNS_TAG = "v1.14.6"
ETCD_TAG = "3.7.0-0"
PAUSE_TAG = "3.10.2"
FLANNEL_TAG = "v0.28.4"
FLANNEL_REPOSITORY = "ghcr.io/flannel-io"


def kubernetes(cfg: ClusterConfig, component: str) -> str:
    """A component of Kubernetes itself; `+` is not allowed in a tag and becomes `_`."""
    return f"{cfg.image_repository}/{component}:{cfg.kubernetes_version.replace('+', '_')}"


def coredns(cfg: ClusterConfig) -> str:
    """CoreDNS: one level deeper at registry.k8s.io, and only there."""
    repository = cfg.dns_image_repository or cfg.image_repository
    if repository == names.UPSTREAM_REPOSITORY:
        repository += "/coredns"
    return f"{repository}/coredns:{cfg.dns_image_tag or COREDNS_TAG}"


def etcd(cfg: ClusterConfig, local: LocalEtcd) -> str:
    """The etcd of this Kubernetes minor, unless the configuration names another."""
    return f"{local.image_repository or cfg.image_repository}/etcd:{local.image_tag or ETCD_TAG}"


def pause(cfg: ClusterConfig) -> str:
    """The sandbox image."""
    return f"{cfg.image_repository}/pause:{PAUSE_TAG}"


def flannel(cfg: ClusterConfig) -> str:
    """Our own build beside our other images, upstream's elsewhere."""
    built = cfg.image_repository == names.BUILT_REPOSITORY
    return f"{names.BUILT_REPOSITORY if built else FLANNEL_REPOSITORY}/flannel:{FLANNEL_TAG}"


def needed(cfg: ClusterConfig) -> tuple[str, ...]:
    """Every image of a control-plane node, in kubeadm's order, our add-on last."""
    found = [kubernetes(cfg, component) for component in names.CONTROL_PLANE]
    if not cfg.proxy_disabled:
        found.append(kubernetes(cfg, "kube-proxy"))
    if not cfg.dns_disabled:
        found.append(coredns(cfg))
    found.append(pause(cfg))
    if isinstance(cfg.etcd, LocalEtcd):
        found.append(etcd(cfg, cfg.etcd))
    if cfg.extension.cni == "flannel":
        found.append(flannel(cfg))
    return tuple(found)
