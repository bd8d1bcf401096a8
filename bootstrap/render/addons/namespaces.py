"""Where objects of a manifest go that name no namespace: what `kubectl apply -n` is told on its command line."""

from __future__ import annotations

from bootstrap.render.addons.kinds import BUILT_IN_GROUPS, DEFINITION, NAMESPACELESS, group
from bootstrap.render.cluster.objects import Object

DEFAULT_NAMESPACE = "default"
"""Of objects whose manifest names none, as kubectl has it."""
ALWAYS_THERE = (DEFAULT_NAMESPACE, "kube-system", "kube-public", "kube-node-lease")


def in_namespace(objects: tuple[Object, ...], namespace: str) -> tuple[Object, ...]:
    """The objects with `namespace` in those that name none, and the Namespace itself where nobody makes it.

    Without one (empty) they are as they were.
    """
    if not namespace:
        return objects
    custom = cluster_wide(objects)
    moved = tuple(body if _is_without(body, custom) else _in(body, namespace) for body in objects)
    made = {body["metadata"]["name"] for body in objects if body["kind"] == "Namespace"}
    if namespace in made or namespace in ALWAYS_THERE:
        return moved
    return ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, *moved)


def cluster_wide(objects: tuple[Object, ...]) -> frozenset[tuple[str, str]]:
    """Group and kind of what definitions among the objects put into no namespace."""
    specs = [body.get("spec") or {} for body in objects if body["kind"] == DEFINITION]
    return frozenset(
        (spec.get("group", ""), (spec.get("names") or {}).get("kind", ""))
        for spec in specs
        if spec.get("scope") == "Cluster"
    )


def _is_without(body: Object, custom: frozenset[tuple[str, str]]) -> bool:
    """Whether its kind has none, or it has one already."""
    if body["metadata"].get("namespace"):
        return True
    if group(body) in BUILT_IN_GROUPS:
        return body["kind"] in NAMESPACELESS
    return (group(body), body["kind"]) in custom


def _in(body: Object, namespace: str) -> Object:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}
