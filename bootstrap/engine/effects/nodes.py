"""A node that leaves its cluster, or is away for a while: what runs on it goes elsewhere."""

from __future__ import annotations

from typing import Any

from bootstrap.engine.drain import described, evict_all, pods_path, set_schedulable, to_evict
from bootstrap.engine.effects.files import write
from bootstrap.engine.effects.registry import Lines, Objects, register
from bootstrap.engine.objects.answers import said
from bootstrap.engine.run_context import RunContext
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import HostReader
from bootstrap.model.effects import File
from bootstrap.model.events import Unanswered
from bootstrap.model.reset_effects import NodeDeleted, NodeDrained, NodeUncordoned


def by_hand(node: str) -> str:
    """What an administrator types when we could not."""
    return f"kubectl delete node {node}"


def _drain(effect: NodeDrained, context: RunContext, timeout: float) -> str:
    def note() -> str:
        return write(File(effect.mark, b"", 0o600), context, timeout) if effect.mark else ""

    cordoned = set_schedulable(effect.name, context, schedulable=False, timeout=timeout, first=note)
    count = evict_all(effect.name, context, timeout)
    return f"{count} Pods evicted" if count else f"{effect.name} cordoned" if cordoned else ""


def _uncordon(effect: NodeUncordoned, context: RunContext, timeout: float) -> str:
    if context.host.stat(effect.mark) is None:
        return ""
    set_schedulable(effect.name, context, schedulable=True, timeout=timeout)
    context.host.remove(effect.mark)
    return f"{effect.name} takes Pods again"


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
register(NodeUncordoned, apply=_uncordon, describe=lambda effect, host: f"node {effect.name}: takes Pods again")
register(NodeDeleted, apply=_delete, describe=lambda effect, host: f"delete node {effect.name}")
