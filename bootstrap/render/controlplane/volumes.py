"""Host directories and files that the control plane's static Pods mount."""

from __future__ import annotations

from posixpath import dirname
from typing import Any

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Component, ExternalEtcd, Volume
from bootstrap.model.facts import HostFacts

CA_CERTS = "/etc/ssl/certs"
OPTIONAL_CA_DIRECTORIES = (
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
"""Mounted where they exist, since /etc/ssl/certs may hold links into them."""


def directory(name: str, path: str, *, read_only: bool = True) -> Volume:
    """A directory mounted at its own path."""
    return Volume(name, path, path, read_only, "DirectoryOrCreate")


def sources(volumes: list[Volume]) -> list[dict[str, Any]]:
    """A Pod's `volumes`, sorted by name."""
    ordered = sorted(volumes, key=lambda v: v.name)
    return [{"name": v.name, "hostPath": {"path": v.host_path, "type": v.path_type}} for v in ordered]


def mounts(volumes: list[Volume]) -> list[dict[str, Any]]:
    """A container's `volumeMounts`."""
    return [_mount(v) for v in volumes]


def component_volumes(cfg: ClusterConfig, facts: HostFacts, component: str, settings: Component) -> list[Volume]:
    """Defaults, with extraVolumes in place of any of the same name or the same mount path; sorted by name."""
    defaults = {
        "kube-apiserver": lambda: [*_certificates(cfg, facts), *_external_etcd(cfg)],
        "kube-controller-manager": lambda: [
            *_certificates(cfg, facts),
            _kubeconfig(names.CONTROLLER_MANAGER_CONF),
        ],
        "kube-scheduler": lambda: [_kubeconfig(names.SCHEDULER_CONF)],
    }[component]()
    by_name = {v.name: v for v in settings.extra_volumes}
    taken = {v.mount_path for v in by_name.values()}
    kept = [v for v in defaults if v.name not in by_name and v.mount_path not in taken]
    return sorted((*kept, *by_name.values()), key=lambda v: v.name)


def _certificates(cfg: ClusterConfig, facts: HostFacts) -> list[Volume]:
    optional = [p for p in OPTIONAL_CA_DIRECTORIES if p in facts.ca_directories]
    return [
        directory("k8s-certs", cfg.cluster.certificates_dir),
        directory("ca-certs", CA_CERTS),
        *(directory(path[1:].replace("/", "-"), path) for path in optional),
    ]


def _external_etcd(cfg: ClusterConfig) -> list[Volume]:
    """The directories of an external etcd's files, parents only, without what is mounted anyway."""
    if not isinstance(cfg.cluster.etcd, ExternalEtcd):
        return []
    mounted = (*OPTIONAL_CA_DIRECTORIES, CA_CERTS, cfg.cluster.certificates_dir)
    files = (cfg.cluster.etcd.ca_file, cfg.cluster.etcd.cert_file, cfg.cluster.etcd.key_file)
    wanted = {dirname(f) for f in files if f and not any(_below(f, path) for path in mounted)}
    parents = sorted(d for d in wanted if not any(d != other and _below(d, other) for other in wanted))
    return [directory(f"etcd-certs-{i}", d) for i, d in enumerate(parents)]


def _below(path: str, directory: str) -> bool:
    return path.startswith(f"{directory.rstrip('/')}/")


def _kubeconfig(path: str) -> Volume:
    return Volume("kubeconfig", path, path, True, "FileOrCreate")


def _mount(volume: Volume) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": volume.name, "mountPath": volume.mount_path}
    if volume.read_only:
        mount["readOnly"] = True
    return mount
