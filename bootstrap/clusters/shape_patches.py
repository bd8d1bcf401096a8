"""Patches of kubeadm's documents as kind's files have them: text in text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.config.schema.fields import KINDS
from bootstrap.formats import yaml_reader
from bootstrap.model import names
from bootstrap.model.cluster_shape import ConfigPatch, JsonPatch, MergePatch
from bootstrap.model.errors import Problem

PATCHED = (
    "InitConfiguration",
    "ClusterConfiguration",
    "JoinConfiguration",
    "KubeletConfiguration",
    "KubeProxyConfiguration",
    names.OWN_KIND,
)
assert set(PATCHED) <= {*KINDS, names.OWN_KIND}


def read_patches(found: Mapping[str, Any], path: str, problems: list[Problem]) -> tuple[ConfigPatch, ...]:
    """Merge patches first, then JSON patches, as kind applies them."""
    merges = enumerate(found.get("kubeadmConfigPatches", ()))
    operations = enumerate(found.get("kubeadmConfigPatchesJSON6902", ()))
    return (
        *(patch for i, text in merges for patch in _merges(text, f"{path}.kubeadmConfigPatches[{i}]", problems)),
        *(
            patch
            for i, entry in operations
            for patch in _operations(entry, f"{path}.kubeadmConfigPatchesJSON6902[{i}]", problems)
        ),
    )


def _merges(text: str, path: str, problems: list[Problem]) -> list[MergePatch]:
    """A text may hold several documents."""
    documents = _read(text, path, problems)
    if documents == []:
        problems.append(Problem(path, "holds no document"))
    patches = []
    for document in documents or ():
        if not isinstance(document, dict):
            problems.append(Problem(path, "must be a document with kind: and what is to be changed"))
        elif _is_known(str(document.get("kind", "")), path, problems):
            patches.append(MergePatch(document))
    return patches


def _operations(entry: Mapping[str, Any], path: str, problems: list[Problem]) -> list[JsonPatch]:
    kind, read = str(entry.get("kind", "")), _read(entry.get("patch", ""), f"{path}.patch", problems)
    operations = read[0] if read else None
    well_formed = isinstance(operations, list) and all(
        isinstance(o, dict) and {"op", "path"} <= set(o) for o in operations
    )
    if read is not None and not well_formed:
        problems.append(Problem(f"{path}.patch", "must be a list of operations, each with op: and path:"))
    known = _is_known(kind, path, problems)
    return [JsonPatch(kind, tuple(operations))] if well_formed and known and operations else []


def _read(text: str, path: str, problems: list[Problem]) -> list[Any] | None:
    """None, and a problem, where it is no YAML."""
    try:
        return yaml_reader.parse(text, yaml_reader.PATCH)
    except yaml_reader.UnreadableError as error:
        problems.append(Problem(path, str(error.problem)))
        return None


def _is_known(kind: str, path: str, problems: list[Problem]) -> bool:
    if kind not in PATCHED:
        problems.append(Problem(f"{path}.kind", f'"{kind[:80]}" is none of {", ".join(PATCHED)}'))
    return kind in PATCHED
