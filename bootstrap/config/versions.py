"""Which Kubernetes version and image repository a configuration means. Nothing is looked up in the network."""

from __future__ import annotations

import re

from bootstrap.model import names
from bootstrap.model.errors import Problem

_LABELS = {"", "stable", "stable-1", f"stable-{names.KUBERNETES_MINOR}"}
_VERSION = "ClusterConfiguration.kubernetesVersion"


def chosen(version: str, repository: str, problems: list[Problem]) -> tuple[str, str]:
    """Version and repository, made complete.

    Our own builds are below our own repository and say so in their version. Any other repository is taken for a
    mirror of upstream's images, unless our own version is asked for by name.
    """
    repository = repository or names.BUILT_REPOSITORY
    ours = repository == names.BUILT_REPOSITORY
    wanted = "v" + version if re.match(r"\d", version) else version
    if wanted in _LABELS or wanted == names.KUBERNETES_VERSION:
        return (names.BUILT_VERSION if ours else names.KUBERNETES_VERSION), repository
    if wanted == names.BUILT_VERSION:
        if repository == names.UPSTREAM_REPOSITORY:
            problems.append(
                Problem(
                    _VERSION, f"{names.UPSTREAM_REPOSITORY} has no {wanted}; use {names.KUBERNETES_VERSION} with it"
                )
            )
        return wanted, repository
    carried = f"this image carries {names.KUBERNETES_VERSION} ({names.BUILT_VERSION})"
    looked_up = re.fullmatch(r"(ci/|release/)?[a-z][-a-z0-9./+]*", version) and not wanted.startswith("v")
    why = " and looks no versions up in the network" if looked_up else ""
    problems.append(Problem(_VERSION, f'"{version}" is not available: {carried}{why}'))
    return (names.BUILT_VERSION if ours else names.KUBERNETES_VERSION), repository
