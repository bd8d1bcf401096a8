"""Checks of filesystems, and of files that would be in the way or are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import HOST_RUNTIME, NODE_RUNTIME
from bootstrap.preflight.finding import Found, check
from bootstrap.render.controlplane.static_pods import manifest_path, manifests_dir

SLOW_FSYNC = 0.010
"""Seconds, 99th percentile: etcd's hardware recommendations (a write-ahead log entry and its fdatasync)."""
DESPERATE = 8
"""Below this fraction of what is needed, init would run full by itself: an error, not a warning."""


@dataclass(frozen=True)
class Need:
    """What a new cluster takes below a path in its first weeks: bytes and inodes."""

    what: str
    size: int
    inodes: int


def needs(cfg: ClusterConfig) -> dict[str, Need]:
    """Path → need: etcd's default quota, the images unpacked and room for others, audit logs (10 files of 100 MB)."""
    found = {
        _runtime_root(cfg): Need("images and containers", 4 << 30, 20_000),
        names.KUBELET_DIR: Need("volumes of Pods", 1 << 30, 2_000),
        "/etc": Need("configuration", 16 << 20, 200),
        "/opt": Need("programs", 512 << 20, 6_000),
        "/var/log": Need("logs", 3 << 29, 500),
    }
    if cfg.local_etcd:
        found[cfg.local_etcd.data_dir] = Need("etcd", 2 << 30, 100)
    return found


def _runtime_root(cfg: ClusterConfig) -> str:
    """Of a runtime that is not ours, nothing is known: containerd's own default."""
    return HOST_RUNTIME.root if cfg.node.cri_socket == HOST_RUNTIME.socket else NODE_RUNTIME.root


def lookups(cfg: ClusterConfig) -> tuple[str, ...]:
    """Paths whose presence the checks here ask about."""
    own = [cfg.local_etcd.data_dir] if cfg.local_etcd else list(_client_files(cfg))
    return (*manifest_paths(cfg), *own)


def manifest_paths(cfg: ClusterConfig) -> tuple[str, ...]:
    """Where the static Pods of a control plane lie."""
    vip = (names.KEEPALIVED,) if cfg.own.control_plane_vip else ()
    pods = (*names.CONTROL_PLANE, "etcd", *vip)
    return tuple(manifest_path(component, manifests_dir(cfg)) for component in pods)


def _client_files(cfg: ClusterConfig) -> Iterator[str]:
    if isinstance(cfg.cluster.etcd, ExternalEtcd) and cfg.node.api:
        yield from filter(None, (cfg.cluster.etcd.ca_file, cfg.cluster.etcd.cert_file, cfg.cluster.etcd.key_file))


@check(
    "Disk",
    "Each filesystem has room for what will lie on it: "
    "etcd 2 GiB, images 4 GiB, Pods 1 GiB, logs 1.5 GiB. Less is a warning, less than an eighth an error.",
    "Free some space, or put the directory on a larger filesystem.",
    error=False,
    fresh=True,
)
def disk(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    for mount, on_it in by_filesystem(cfg, facts).items():
        free, needed = facts.configured.filesystems[on_it[0]].free, sum(needs(cfg)[path].size for path in on_it)
        if free < needed:
            yield Found(
                f"{_mib(free)} free on the filesystem {mount} ({said(cfg, on_it)}); {_mib(needed)} are needed",
                f"Free {_mib(needed - free)} there",
                error=free * DESPERATE < needed,
            )


@check(
    "Inodes",
    "Each filesystem has inodes for what will lie on it. Too few is a warning, less than an eighth an error.",
    "Remove small files, or put the directory on another filesystem.",
    error=False,
    fresh=True,
)
def inodes(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    for mount, on_it in by_filesystem(cfg, facts).items():
        filesystem, needed = facts.configured.filesystems[on_it[0]], sum(needs(cfg)[path].inodes for path in on_it)
        if filesystem.inodes and filesystem.inodes_free < needed:
            yield Found(
                f"{filesystem.inodes_free} inodes free on the filesystem {mount} ({said(cfg, on_it)}); "
                f"{needed} are needed",
                "Remove small files there; a filesystem's number of inodes is chosen when it is made",
                error=filesystem.inodes_free * DESPERATE < needed,
            )


def by_filesystem(cfg: ClusterConfig, facts: HostFacts) -> dict[str, list[str]]:
    """Mount point → the paths on it."""
    found: dict[str, list[str]] = {}
    for path in needs(cfg):
        if path in facts.configured.filesystems:
            found.setdefault(facts.configured.filesystems[path].mount, []).append(path)
    return found


def said(cfg: ClusterConfig, paths: list[str]) -> str:
    """`/etc: configuration, …`."""
    return ", ".join(f"{path}: {needs(cfg)[path].what}" for path in paths)


def _mib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size >> 20} MiB"


@check(
    "EtcdDisk",
    "etcd's disk makes a small write durable within 10 ms (99th percentile of up to 100 writes).",
    "Put etcd's data on a faster disk, an SSD.",
    error=False,
    fresh=True,
)
def etcd_disk(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    seconds = facts.configured.fsync_seconds
    if cfg.local_etcd and seconds is not None and seconds > SLOW_FSYNC:
        yield Found(
            f"a small write to the disk of {cfg.local_etcd.data_dir} takes {seconds * 1000:.0f} ms (99th "
            f"percentile); etcd wants {SLOW_FSYNC * 1000:.0f} ms, and changes leaders when it waits longer",
            "Put it on an SSD: mount one there, or set etcd.local.dataDir",
        )


@check(
    "FileAvailable-*",
    "The static Pods' manifests are not there yet (`FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml`, …).",
    "Undo the cluster that they belong to.",
    kubeadm=True,
    fresh=True,
)
def manifests(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    for path in manifest_paths(cfg):
        if path in facts.configured.present:
            yield Found(
                f"{path} exists, and no cluster of ours is here",
                "Undo the cluster it belongs to (kubeadm reset), or move it away",
                where=_dashed(path),
            )


@check(
    "StaticPods",
    "Nothing else lies in the manifests directory: the kubelet runs every file there, copies and backups too.",
    "Move it to another directory.",
    error=False,
)
def strangers(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.configured.strangers:
        yield Found(
            f"the kubelet will run what lies in {manifests_dir(cfg)}: {', '.join(facts.configured.strangers)}",
            "Move copies and backups to another directory",
        )


@check(
    "DirAvailable-*",
    "etcd's data directory is empty or not there (`DirAvailable--var-lib-etcd`).",
    "Move its content away: bootstrap never deletes etcd data.",
    kubeadm=True,
    fresh=True,
)
def etcd_data(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if cfg.local_etcd and cfg.local_etcd.data_dir in facts.configured.present:
        yield Found(
            f"{cfg.local_etcd.data_dir} is not empty, and no cluster of ours is here",
            "Move its content away: bootstrap never deletes etcd data",
            where=_dashed(cfg.local_etcd.data_dir),
        )


@check(
    "ExternalEtcdClientCertificates",
    "The CA, certificate and key for an external etcd exist.",
    "Copy them to where the configuration says.",
    kubeadm=True,
)
def client_certificates(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    for path in _client_files(cfg):
        if path not in facts.configured.present:
            yield Found(f"{path} does not exist", "Copy it there, or correct etcd.external in the configuration")


def _dashed(path: str) -> str:
    return path.replace("/", "-")


ALL = (
    disk,
    inodes,
    etcd_disk,
    manifests,
    strangers,
    etcd_data,
    client_certificates,
)
