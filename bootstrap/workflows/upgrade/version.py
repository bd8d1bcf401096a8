"""Which version an upgrade may lead to: the one that this image carries, and of what it leads from."""

from __future__ import annotations

import re

from bootstrap.config.upgrade import UpgradeOptions
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

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
    here, there = _PARTS.match(before), _PARTS.match(names.BUILT_VERSION)
    if here is None or there is None:
        return
    old, new = tuple(map(int, here.groups()[:3])), tuple(map(int, there.groups()[:3]))
    if new[:2] > (old[0], old[1] + 1):
        raise BootstrapError(
            f"{before} cannot become {names.BUILT_VERSION} at once",
            code=Exit.CONFLICT,
            why="an upgrade leads one minor further, since each converts what the one before it has stored",
            fix=f"bootstrap upgrade apply with the image of v{old[0]}.{old[1] + 1} first",
        )
    if new < old:
        raise BootstrapError(
            f"{names.BUILT_VERSION} is older than {before}, which is here",
            code=Exit.CONFLICT,
            why="etcd and the API do not read what a newer one has stored",
            fix="bootstrap upgrade rollback, as long as there is a backup",
        )
    if there[4] and not (options.pre_releases or options.force):
        raise BootstrapError(
            f"{names.BUILT_VERSION} is no release",
            code=Exit.CONFLICT,
            fix="--allow-experimental-upgrades, --allow-release-candidate-upgrades, or --force",
        )
