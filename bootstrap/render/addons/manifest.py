"""A manifest that others wrote: bytes in, API objects out, in the order in which they can be applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from bootstrap.formats.yaml_reader import MANIFEST, UnreadableError, read
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.addons.kinds import BUILT_IN_GROUPS, DEFINITION, WORKLOADS, group, removed
from bootstrap.render.cluster.objects import Object

_ORDER = (
    DEFINITION,
    "Namespace",
    "PriorityClass",
    "StorageClass",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ResourceQuota",
    "LimitRange",
    "ConfigMap",
    "Secret",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
)
"""What others lean on, in order; kinds that are not named come after these."""
_LAST = ("APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
"""They make the API server ask Pods, which should have been given the chance to start before it."""


@dataclass(frozen=True)
class Waves:
    """The objects of an add-on in three parts, each of which needs those before it."""

    definitions: tuple[Object, ...]
    ordinary: tuple[Object, ...]
    custom: tuple[Object, ...]

    @property
    def workloads(self) -> tuple[Object, ...]:
        """Those that have Pods to wait for."""
        return tuple(
            body
            for body in self.ordinary
            if body["kind"] in WORKLOADS
            and body["apiVersion"] == "apps/v1"
            and body.get("spec", {}).get("replicas", 1) > 0
        )


@dataclass(frozen=True)
class Manifest:
    """What the files of an add-on say; `remarks` are what the user should know about how they were read."""

    objects: tuple[Object, ...]
    remarks: tuple[str, ...] = ()


@cache  # asked for its images first, then for what is applied
def read_manifest(name: str, files: tuple[tuple[str, bytes], ...]) -> Manifest:
    """The objects of all documents, Lists unfolded, without a status: that is for controllers to say.

    `files` are paths (empty: the only one) with contents. As for kubectl, of several keys or objects of one name the
    last counts. Raises BootstrapError (exit 3) with everything that is wrong.
    """
    bodies: list[tuple[str, Any]] = []
    repeated, problems = [], []
    for path, content in files:
        prefix = f"{path}: " if path else ""
        try:
            reading = read(content, MANIFEST)
        except UnreadableError as e:
            problems.append(f"{prefix}{e.problem}")
            continue
        repeated += [f"{prefix}{problem}" for problem in reading.repeated]
        found = [body for document in reading.documents for body in _unfolded(document)]
        bodies += [(f"{prefix}object {i}", body) for i, body in enumerate(found, 1)]
    problems += [f"{place}: {problem}" for place, body in bodies if (problem := _problem(body))]
    if problems or not bodies:
        raise _refused(name, tuple(problems) or ("it has no objects",))
    objects, again = _once([body for _, body in bodies])
    remarks = [f"{len(repeated)} keys are given more than once, the last counts: {'; '.join(repeated)}"] * bool(
        repeated
    )
    return Manifest(objects, (*remarks, *again))


def read_objects(name: str, content: bytes) -> tuple[Object, ...]:
    """Those of one file; see `read_manifest`."""
    return read_manifest(name, (("", content),)).objects


def waves(objects: tuple[Object, ...]) -> Waves:
    """Definitions of kinds, what an API server takes by itself, objects of other kinds; each in its order."""
    ordered = sorted(objects, key=_rank)
    definitions = tuple(body for body in ordered if body["kind"] == DEFINITION)
    custom = tuple(body for body in ordered if group(body) not in BUILT_IN_GROUPS)
    ordinary = tuple(body for body in ordered if body["kind"] != DEFINITION and group(body) in BUILT_IN_GROUPS)
    return Waves(definitions, ordinary, custom)


def _rank(body: Object) -> int:
    kind = body["kind"]
    if kind in _ORDER:
        return _ORDER.index(kind)
    return len(_ORDER) + (_LAST.index(kind) + 1 if kind in _LAST else 0)


def _unfolded(document: Any) -> Iterator[Any]:
    if document is None:
        return
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and "items" in document:
        items = document["items"]
        for item in items if isinstance(items, list) else (items,):
            yield from _unfolded(item)
    else:
        yield document


def _problem(body: Any) -> str:
    if not isinstance(body, dict):
        return "is not a mapping"
    for field in ("apiVersion", "kind"):
        if not isinstance(body.get(field), str):
            return f"has no {field}"
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        name = metadata.get("name") if isinstance(metadata, dict) else None
        why = f"has no metadata.name{'' if name is None else f' that is text ({name}): put it in quotes'}"
        return f"{body['kind']} {why}"
    if gone := removed(body):
        return f"{metadata['name']}: {gone}"
    spec = body.get("spec")
    if body["kind"] in WORKLOADS and not (isinstance(spec, dict) and isinstance(spec.get("replicas", 1), int)):
        return f"{body['kind']} {metadata['name']} has no spec that can be read"
    return ""


def _once(bodies: list[Object]) -> tuple[tuple[Object, ...], list[str]]:
    """Each object once, and a remark on each that was there again with other words."""
    found: dict[tuple[str, str, str, str], Object] = {}
    again = []
    for body in bodies:
        meta = body["metadata"]
        key = (group(body), body["kind"], meta.get("namespace", ""), meta["name"])
        kept = {field: value for field, value in body.items() if field != "status"}
        if found.get(key, kept) != kept:
            again.append(f"{body['kind']} {meta['name']} is in it twice, and the last one counts")
        found[key] = kept
    return tuple(found.values()), again


def _refused(name: str, details: tuple[str, ...]) -> BootstrapError:
    return BootstrapError(
        f"the manifest of {name} cannot be used",
        code=Exit.CONFIG,
        details=details,
        fix=f"give a manifest (Kubernetes objects in YAML or JSON) that is made for {names.KUBERNETES_MINOR}",
    )
