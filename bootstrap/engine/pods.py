"""What the Pods of a workload say of themselves: since when they run, whether they stay up, what hinders them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Pod = Mapping[str, Any]
STEADY = 10.0
"""Seconds that a container which has ended since the boot, or is likely to end, has to run before it counts."""
ON_ITS_WAY = ("ContainerCreating", "PodInitializing")
SHOWN = 2
"""Pods named at once: those of one workload mostly say the same."""
LENGTH = 200
REVISION = "controller-revision-hash"
"""The label of a Pod, and of a ControllerRevision, by which the two belong together."""


def label_selector(selector: Mapping[str, Any]) -> str:
    """A workload's selector as a query has it."""
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    return ",".join([*(f"{key}={value}" for key, value in labels.items()), *map(_requirement, expressions)])


def _requirement(expression: Mapping[str, Any]) -> str:
    key, values = expression["key"], ",".join(expression.get("values") or ())
    match expression["operator"]:
        case "Exists":
            return str(key)
        case "DoesNotExist":
            return f"!{key}"
        case operator:
            return f"{key} {operator.lower()} ({values})"


def epoch(text: str) -> float:
    """Seconds since the epoch of an API time; the API cuts fractions, so the second counts as over."""
    return datetime.fromisoformat(text).timestamp() + 1


def started_since(pod: Pod, since: float) -> bool:
    """Whether all its containers run, each started after `since` (epoch seconds)."""
    running = [container.get("state", {}).get("running") for container in _containers(pod)]
    return bool(running) and all(state and epoch(state["startedAt"]) >= since for state in running)


def is_of(pod: Mapping[str, Any], daemon_set: Mapping[str, Any]) -> bool:
    """Whether a Pod is of the template that its DaemonSet has now, as far as the two say it.

    One that the DaemonSet has come back to counts as another: then its revisions say more.
    """
    now = (daemon_set["metadata"].get("annotations") or {}).get("deprecated.daemonset.template.generation")
    own = (pod["metadata"].get("labels") or {}).get("pod-template-generation")
    return now is None or own is None or own == now


def newest_revision(revisions: Iterable[Mapping[str, Any]]) -> str:
    """The hash of the newest of a workload's ControllerRevisions; empty where there is none."""
    newest = max(revisions, key=lambda each: int(each.get("revision", 0)), default={})
    return str(((newest.get("metadata") or {}).get("labels") or {}).get(REVISION, ""))


def is_at(pod: Mapping[str, Any], revision: str) -> bool:
    """Whether a Pod is of this revision."""
    return (pod["metadata"].get("labels") or {}).get(REVISION) == revision


def is_ready(pod: Pod) -> bool:
    """As its kubelet has last said."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def restless(pods: Sequence[Pod], since: float, now: float) -> str:
    """A container that ended after it had started since the boot, and does not run for long yet; empty without one.

    What ended with the boot before does not count: its start was before `since`.
    """
    for pod in pods:
        for container in _containers(pod):
            ended = container.get("lastState", {}).get("terminated", {})
            running = container.get("state", {}).get("running", {})
            crashed = ended.get("startedAt") and epoch(ended["startedAt"]) >= since
            if crashed and not running:
                return f"{_name(pod)} has ended again and again ({_end(ended)})"
            if crashed and now - epoch(running["startedAt"]) < STEADY:
                return f"{_name(pod)} was restarted {now - epoch(running['startedAt']) + 1:.0f} s ago ({_end(ended)})"
    return ""


def young(pods: Sequence[Pod], now: float) -> str:
    """A container that does not run for long yet; empty without one."""
    for pod in pods:
        for container in _containers(pod):
            running = container.get("state", {}).get("running")
            if not running or now - epoch(running["startedAt"]) < STEADY:
                return f"{_name(pod)} has to stay up for {STEADY:.0f} s"
    return ""


def blockers(pods: Sequence[Pod]) -> tuple[str, ...]:
    """For each Pod that is not ready what hinders it, where it says so; each reason once."""
    found = {reason: f"{_name(pod)}: {reason}"[:LENGTH] for pod in pods if (reason := next(_reasons(pod), ""))}
    return tuple(found.values())[:SHOWN]


def _reasons(pod: Pod) -> Iterator[str]:
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield str(condition.get("message") or condition.get("reason", "not scheduled"))
    for container in (*_containers(pod, "initContainerStatuses"), *_containers(pod)):
        waiting = container.get("state", {}).get("waiting", {})
        ended = container.get("lastState", {}).get("terminated", {})
        if waiting and waiting.get("reason", "") not in ON_ITS_WAY:
            why = f" ({_end(ended)})" if ended else f": {waiting['message']}" if waiting.get("message") else ""
            yield f"{container['name']} {waiting.get('reason', 'waits')}{why}"
        elif not container.get("ready") and ended:
            yield f"{container['name']} was restarted ({_end(ended)})"


def _containers(pod: Pod, key: str = "containerStatuses") -> Sequence[Mapping[str, Any]]:
    return pod.get("status", {}).get(key) or ()


def _name(pod: Pod) -> str:
    return str(pod["metadata"]["name"])


def _end(terminated: Mapping[str, Any]) -> str:
    return f"{terminated.get('reason', 'ended')}, exit code {terminated.get('exitCode', '?')}"
