"""Which version an upgrade may lead to: the one that this image carries, and of what it leads from."""

from __future__ import annotations

import re

from bootstrap.config.upgrade import UpgradeOptions
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.versions import is_newer

_PARTS = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?")


def check_version(before: str, options: UpgradeOptions) -> None:
    """Raises BootstrapError: exit 2 (another version is asked for), 8 (this one cannot follow on that)."""
    wanted = options.version.removeprefix("v")
    if wanted and wanted not in (names.KUBERNETES_VERSION.removeprefix("v"), names.BUILT_VERSION.removeprefix("v")):
        raise BootstrapError(
            f"this image carries {names.BUILT_VERSION}, not {options.version}",
            code=Exit.USAGE,
            fix=f"run the image of that version, or: bootstrap upgrade apply {names.KUBERNETES_VERSION}",
        )
    check_step(before, names.BUILT_VERSION, "bootstrap upgrade apply")
    if (there := _PARTS.match(names.BUILT_VERSION)) and there[4] and not (options.pre_releases or options.force):
        raise BootstrapError(
            f"{names.BUILT_VERSION} is no release",
            code=Exit.CONFLICT,
            fix="--allow-experimental-upgrades, --allow-release-candidate-upgrades, or --force",
        )


def check_step(before: str, after: str, command: str) -> None:
    """Raises BootstrapError (exit 8) where one version cannot follow on the other; `command` is what leads further."""
    here, there = _PARTS.match(before), _PARTS.match(after)
    if here is None or there is None:
        return
    old, new = tuple(map(int, here.groups()[:3])), tuple(map(int, there.groups()[:3]))
    if new[:2] > (old[0], old[1] + 1):
        raise BootstrapError(
            f"{before} cannot become {after} at once",
            code=Exit.CONFLICT,
            why="an upgrade leads one minor further, since each converts what the one before it has stored",
            fix=f"{command} with the image of v{old[0]}.{old[1] + 1} first",
        )
    if is_newer(before, after):
        raise BootstrapError(
            f"{after} is older than {before}, which is here",
            code=Exit.CONFLICT,
            why="etcd and the API do not read what a newer one has stored",
            fix="on a host: bootstrap upgrade rollback, as long as there is a backup",
        )


def check_order(before: ClusterConfig, cluster: str, options: UpgradeOptions) -> None:
    """`before` is of this machine, `cluster` the version that its cluster is to have.

    Raises BootstrapError (exit 8): a machine that has joined follows the first one, and never goes before it.
    """
    if cluster not in (names.BUILT_VERSION, names.KUBERNETES_VERSION):
        older = is_newer(names.BUILT_VERSION, cluster)
        raise BootstrapError(
            f"the cluster has {cluster}, and this image brings {names.BUILT_VERSION}",
            code=Exit.CONFLICT,
            why="its first control plane comes first" if older else "it went on, and its nodes follow it",
            fix="bootstrap upgrade apply, where init was run"
            if older
            else f"bootstrap upgrade node with the image of {cluster.partition('+')[0]}",
        )
    if before.node.api:
        check_version(before.cluster.kubernetes_version, options)
