"""Image references, derived exactly as kubeadm derives them from a repository and a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bootstrap.model import names
from bootstrap.model.addon import LOCAL_PATH
from bootstrap.model.cluster import ClusterConfig, LocalEtcd
from bootstrap.model.effects import ImagePresent
from bootstrap.render.images import catalog

LOCAL_PATH_PROVISIONER = "local-path-provisioner"
METALLB = ("controller", "speaker")


@dataclass(frozen=True)
class RequiredImage:
    """One image: as this configuration names it, and the upstream image that it is or stands for."""

    component: str
    image: str
    upstream: str

    @property
    def built(self) -> bool:
        """Whether it is one of our own builds, which come with this program."""
        return self.image.startswith(f"{names.BUILT_REPOSITORY}/")


def kubernetes(cfg: ClusterConfig, component: str) -> str:
    """A component of Kubernetes itself; `+` is not allowed in a tag and becomes `_`."""
    return f"{cfg.cluster.image_repository}/{component}:{cfg.cluster.kubernetes_version.replace('+', '_')}"


def coredns(cfg: ClusterConfig) -> str:
    """CoreDNS: one level deeper at registry.k8s.io, and only there."""
    repository = cfg.cluster.dns_image_repository or cfg.cluster.image_repository
    if repository == names.UPSTREAM_REPOSITORY:
        repository += "/coredns"
    return f"{repository}/coredns:{cfg.cluster.dns_image_tag or catalog.of(cfg.cluster.kubernetes_version).coredns}"


def etcd(cfg: ClusterConfig, local: LocalEtcd) -> str:
    """The etcd of this Kubernetes minor, unless the configuration names another."""
    tag = local.image_tag or catalog.of(cfg.cluster.kubernetes_version).etcd
    return f"{local.image_repository or cfg.cluster.image_repository}/etcd:{tag}"


def pause(cfg: ClusterConfig) -> str:
    """The sandbox image."""
    return f"{cfg.cluster.image_repository}/pause:{catalog.of(cfg.cluster.kubernetes_version).pause}"


def flannel(cfg: ClusterConfig) -> str:
    """Our own build beside our other images, upstream's elsewhere."""
    built = cfg.cluster.image_repository == names.BUILT_REPOSITORY
    return f"{names.BUILT_REPOSITORY if built else catalog.FLANNEL_REPOSITORY}/flannel:{catalog.FLANNEL_TAG}"


def local_path_provisioner(cfg: ClusterConfig) -> str:
    """As flannel's."""
    built = cfg.cluster.image_repository == names.BUILT_REPOSITORY
    repository = names.BUILT_REPOSITORY if built else catalog.LOCAL_PATH_REPOSITORY
    return f"{repository}/{LOCAL_PATH_PROVISIONER}:{catalog.LOCAL_PATH_TAG}"


def metallb(cfg: ClusterConfig, part: str) -> str:
    """As flannel's, for a part of METALLB."""
    built = cfg.cluster.image_repository == names.BUILT_REPOSITORY
    name = f"{names.BUILT_REPOSITORY}/metallb-{part}" if built else f"{catalog.METALLB_REPOSITORY}/{part}"
    return f"{name}:{catalog.METALLB_TAG}"


def keepalived() -> str:
    """Our own, wherever the others come from: upstream has none."""
    return f"{names.BUILT_REPOSITORY}/{names.KEEPALIVED}:{catalog.KEEPALIVED_TAG}"


def needed(cfg: ClusterConfig) -> tuple[str, ...]:
    """Every image of this machine, in kubeadm's order, our add-on last."""
    return tuple(image for _, image in _components(cfg))


def components(cfg: ClusterConfig) -> tuple[RequiredImage, ...]:
    """The same images with what they are."""
    return tuple(
        RequiredImage(component, image, upstream)
        for (component, image), (_, upstream) in zip(_components(cfg), _components(as_upstream(cfg)), strict=True)
    )


def to_bring_in(cfg: ClusterConfig, images: Sequence[str] | None = None) -> tuple[ImagePresent, ...]:
    """Which of these images, else of the cluster's own, `init` pulls itself, by nodeRegistration's imagePullPolicy.

    Through mirrors, since not all that rules may say is known to the runtime; and with `Always`. The kubelet pulls the
    others. None with `Never`, and none of those that come with this program.
    """
    policy, mirrors = cfg.node.image_pull_policy, cfg.own.mirrors
    if policy == "Never" or not (mirrors.rules or policy == "Always"):
        return ()
    wanted = [found.image for found in components(cfg) if not found.built] if images is None else images
    return tuple(ImagePresent(image, cfg.node.cri_socket, mirrors, policy == "Always") for image in wanted)


def as_upstream(cfg: ClusterConfig) -> ClusterConfig:
    """The same cluster from upstream's own images, of the version that our builds are made from."""
    spec, etcd = cfg.cluster, cfg.cluster.etcd
    upstream = replace(
        spec,
        image_repository=names.UPSTREAM_REPOSITORY,
        kubernetes_version=spec.kubernetes_version.partition("+")[0],
        dns_image_repository="",
        etcd=replace(etcd, image_repository="") if isinstance(etcd, LocalEtcd) else etcd,
    )
    return replace(cfg, cluster=upstream)


def _components(cfg: ClusterConfig) -> list[tuple[str, str]]:
    own = names.CONTROL_PLANE if cfg.node.api else ()
    found = [(component, kubernetes(cfg, component)) for component in own]
    if not cfg.cluster.proxy_disabled:
        found.append(("kube-proxy", kubernetes(cfg, "kube-proxy")))
    if not cfg.cluster.dns_disabled:
        found.append(("coredns", coredns(cfg)))
    found.append(("pause", pause(cfg)))
    if cfg.local_etcd:
        found.append(("etcd", etcd(cfg, cfg.local_etcd)))
    if cfg.own.cni == "flannel":
        found.append(("flannel", flannel(cfg)))
    if cfg.own.storage == LOCAL_PATH:
        found.append((LOCAL_PATH_PROVISIONER, local_path_provisioner(cfg)))
    if cfg.own.load_balancer_addresses:
        found += [(f"metallb-{part}", metallb(cfg, part)) for part in METALLB]
    if cfg.own.control_plane_vip and cfg.node.api:
        found.append((names.KEEPALIVED, keepalived()))
    return found
