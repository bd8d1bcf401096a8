"""A manifest that others wrote: bytes in, API objects out, in the order in which they can be applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from bootstrap.formats.yaml_reader import MANIFEST, UnreadableError, parse
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.objects import Object

DEFINITION = "CustomResourceDefinition"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
"""Kinds that have Pods to wait for, all of apps/v1."""
BUILT_IN_GROUPS = (
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
)
"""API groups that every API server of the supported minors serves by itself."""
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


@cache  # asked for its images first, then for what is applied
def read_objects(name: str, content: bytes) -> tuple[Object, ...]:
    """The objects of all documents, Lists unfolded, without a status: that is for controllers to say.

    Raises BootstrapError (exit 3) with everything that is wrong.
    """
    try:
        documents = parse(content, MANIFEST)
    except UnreadableError as e:
        raise _refused(name, (str(e.problem),)) from None
    bodies = [body for document in documents for body in _unfolded(document)]
    problems = [f"object {i}: {problem}" for i, body in enumerate(bodies, 1) if (problem := _problem(body))]
    if not problems:
        problems = _twice(bodies)
    if problems or not bodies:
        raise _refused(name, tuple(problems) or ("it has no objects",))
    return tuple({key: value for key, value in body.items() if key != "status"} for body in bodies)


def waves(objects: tuple[Object, ...]) -> Waves:
    """Definitions of kinds, what an API server takes by itself, objects of other kinds; each in its order."""
    ordered = sorted(objects, key=_rank)
    definitions = tuple(body for body in ordered if body["kind"] == DEFINITION)
    custom = tuple(body for body in ordered if group(body) not in BUILT_IN_GROUPS)
    ordinary = tuple(body for body in ordered if body["kind"] != DEFINITION and group(body) in BUILT_IN_GROUPS)
    return Waves(definitions, ordinary, custom)


def group(body: Object) -> str:
    """The API group; empty for the core's."""
    return str(body["apiVersion"]).rpartition("/")[0]


def _rank(body: Object) -> int:
    kind = body["kind"]
    if kind in _ORDER:
        return _ORDER.index(kind)
    return len(_ORDER) + (_LAST.index(kind) + 1 if kind in _LAST else 0)


def _unfolded(document: Any) -> Iterator[Any]:
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
        return f"{body['kind']} has no metadata.name"
    spec = body.get("spec")
    if body["kind"] in WORKLOADS and not (isinstance(spec, dict) and isinstance(spec.get("replicas", 1), int)):
        return f"{body['kind']} {metadata['name']} has no spec that can be read"
    return ""


def _twice(bodies: list[Any]) -> list[str]:
    seen: set[tuple[str, str, str, str]] = set()
    found = []
    for body in bodies:
        meta = body["metadata"]
        key = (group(body), body["kind"], meta.get("namespace", ""), meta["name"])
        if key in seen:
            found.append(f"{body['kind']} {meta['name']} is in it twice")
        seen.add(key)
    return found


def _refused(name: str, details: tuple[str, ...]) -> BootstrapError:
    return BootstrapError(
        f"the manifest of {name} cannot be used",
        code=Exit.CONFIG,
        details=details,
        fix="give a file with Kubernetes objects in YAML or JSON",
    )
