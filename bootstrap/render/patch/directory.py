"""kubeadm's patch directory: which file patches what, and the three ways to patch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bootstrap.formats.yaml_reader import PATCH, UnreadableError, parse
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.patch.jsonpatch import json_patch, merge_patch
from bootstrap.render.patch.strategic import strategic_merge

TARGETS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubeletconfiguration",
    "corednsdeployment",
    "kubeproxydaemonset",
)
_NAME = re.compile(rf"^({'|'.join(TARGETS)})([^.+\n]*)?(\+)?(json|merge|strategic)?")
_APPLY = {"json": json_patch, "merge": merge_patch, "strategic": strategic_merge}


def patched(target: str, document: Any, patches: Mapping[str, bytes]) -> Any:
    """`document` with every patch for `target` applied, in the order of the file names.

    `patches` maps file names `TARGET[SUFFIX][+TYPE].yaml|json` to contents; files of other names are not ours to read.
    """
    for name in sorted(patches):
        found = _parse(name)
        if found is None or found[0] != target:
            continue
        for patch in _documents(name, patches[name]):
            try:
                document = _APPLY[found[1]](document, patch)
            except (ValueError, KeyError, TypeError, IndexError, AttributeError) as e:
                raise _refused(name, f"it cannot be applied to {target}: {e}") from e
    return document


def ignored(patches: Mapping[str, bytes]) -> tuple[str, ...]:
    """File names that patch nothing, for a warning."""
    return tuple(name for name in sorted(patches) if _parse(name) is None)


def _parse(name: str) -> tuple[str, str] | None:
    """Target and type of a patch file; None if it is not one."""
    if not name.endswith((".json", ".yaml")) or (match := _NAME.match(name)) is None:
        return None
    target, _, plus, kind = match.groups()
    if plus and not kind:
        raise _refused(name, "after '+' comes json, merge or strategic")
    return target, kind or "strategic"


def _documents(name: str, content: bytes) -> list[Any]:
    try:
        return [d for d in parse(content, PATCH) if d is not None]
    except UnreadableError as e:
        raise _refused(name, f"it is neither YAML nor JSON: {e}") from None


def _refused(name: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"the patch {name} cannot be used", code=Exit.CONFIG, why=why, fix="correct the file in the patches directory"
    )
