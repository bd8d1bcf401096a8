"""A node that leaves its cluster: what runs on it goes elsewhere, and the cluster forgets it."""

from __future__ import annotations

from typing import Any

from bootstrap.engine.drain import described, evict_all, pods_path, set_schedulable, to_evict
from bootstrap.engine.effects.registry import Lines, Objects, register
from bootstrap.engine.objects.answers import said
from bootstrap.engine.run_context import RunContext
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import HostReader
from bootstrap.model.events import Unanswered
from bootstrap.model.reset_effects import NodeDeleted, NodeDrained


def by_hand(node: str) -> str:
    """What an administrator types when we could not."""
    return f"kubectl delete node {node}"


def _drain(effect: NodeDrained, context: RunContext, timeout: float) -> str:
    cordoned = set_schedulable(effect.name, context, schedulable=False, timeout=timeout)
    count = evict_all(effect.name, context, timeout)
    return f"{count} Pods evicted" if count else f"{effect.name} cordoned" if cordoned else ""


def _drained_pods(effect: NodeDrained, host: HostReader, objects: Objects) -> Lines:
    pods = (objects(pods_path(effect.name)) or {}).get("items", ())
    return tuple(f"- {described(pod)}" for pod in to_evict(pods))


def _delete(effect: NodeDeleted, context: RunContext, timeout: float) -> str:
    """Whoever leaves a cluster goes on without it where it does not answer."""
    try:
        answer = context.api.delete(object_path(_node(effect.name)))
    except ConnectionError as e:
        return Unanswered(f"the API server did not answer ({e}): {by_hand(effect.name)}")
    if answer.status == 404:
        return ""
    return (
        f"node {effect.name} deleted" if answer.status < 300 else Unanswered(f"{said(answer)}: {by_hand(effect.name)}")
    )


def _node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


register(
    NodeDrained,
    apply=_drain,
    describe=lambda effect, host: f"drain node {effect.name}",
    diff=_drained_pods,
)
register(NodeDeleted, apply=_delete, describe=lambda effect, host: f"delete node {effect.name}")
