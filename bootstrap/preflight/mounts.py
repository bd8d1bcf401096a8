"""Checks of how filesystems are mounted."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import Filesystem, HostFacts
from bootstrap.model.runtime import runtime_at
from bootstrap.preflight.finding import Found, check
from bootstrap.preflight.storage import by_filesystem, needs, said

RESTRICTIONS = ("ro", "noexec", "nodev")
"""Mount options that something here looks at."""
FOR_VOLUMES = {
    "noexec": "Pods cannot run programs from their volumes (emptyDir, ConfigMaps), nor CSI drivers put theirs there",
    "nodev": "Pods cannot use block devices as volumes",
}
"""What Pods miss when the kubelet's directory is mounted so."""


def programs(cfg: ClusterConfig, mode: str) -> tuple[str, ...]:
    """Directories that hold programs of ours, or will: those of the image are in our own filesystem."""
    plugins = runtime_at(cfg.node.cri_socket, mode).cni_bin
    return (names.HOST_BIN_DIR, plugins) if mode == "host" else (plugins,)


def looked_at(cfg: ClusterConfig, mode: str) -> tuple[str, ...]:
    """Paths whose filesystems the checks ask about (`Configured.filesystems`)."""
    return tuple(dict.fromkeys((*needs(cfg), *programs(cfg, mode))))


@check(
    "NoExec",
    "Programs can be run from where they are put: no filesystem there is mounted `noexec`.",
    "`mount -o remount,exec …`, and the same in `/etc/fstab`.",
)
def no_exec(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    on_it: dict[str, list[str]] = {}
    for path in programs(cfg, facts.mode):
        filesystem = facts.configured.filesystems.get(path)
        if filesystem and "noexec" in filesystem.options:
            on_it.setdefault(filesystem.mount, []).append(path)
    for mount, paths in on_it.items():
        yield Found(
            f"{mount} is mounted noexec, and the programs in {' and '.join(paths)} have to run", _remount(mount, "exec")
        )


@check(
    "VolumeMounts",
    "The kubelet's directory is mounted with neither `noexec` nor `nodev`: volumes of Pods inherit it.",
    "`mount -o remount,exec,dev …`, and the same in `/etc/fstab`.",
    error=False,
)
def for_volumes(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    filesystem = facts.configured.filesystems.get(names.KUBELET_DIR, Filesystem("/", 0, 0, 0))
    for option, lost in FOR_VOLUMES.items():
        if option in filesystem.options:
            yield Found(
                f"{filesystem.mount} is mounted {option}: {lost}",
                _remount(filesystem.mount, option.removeprefix("no")),
            )


@check("ReadOnly", "Every filesystem that init writes to is writable.", "Mount it writable.")
def read_only(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    for mount, on_it in by_filesystem(cfg, facts).items():
        if "ro" in facts.configured.filesystems[on_it[0]].options:
            yield Found(f"the filesystem {mount} is mounted read-only ({said(cfg, on_it)})", _remount(mount, "rw"))


def _remount(mount: str, option: str) -> str:
    return f"mount -o remount,{option} {mount}, and the same in /etc/fstab (or its .mount unit)"


ALL = (no_exec, for_volumes, read_only)
