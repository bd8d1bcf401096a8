"""Waits: conditions are data, the deadline is stated, the last thing seen is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tenacity import RetryError, retry_if_result, wait_exponential

from bootstrap.engine.polling import Paced
from bootstrap.engine.run_context import RunContext
from bootstrap.model.conditions import Condition, HttpOk, NodeExists, NodeReady, Served, WorkloadReady
from bootstrap.model.errors import BootstrapError, Exit

POLL = wait_exponential(multiplier=0.05, min=0.05, max=0.2)
"""Seconds between polls; kubeadm's are 500 ms, of which a chain of waits loses half at each link."""

OK = ""


def observe(condition: Condition, context: RunContext) -> str:
    """Empty when the condition holds, else what was seen instead."""
    if isinstance(condition, HttpOk):
        return _http(condition, context)
    try:
        if isinstance(condition, WorkloadReady):
            return _workload(condition, context)
        if isinstance(condition, Served):
            return _served(condition, context)
        return _node(condition, context)
    except ConnectionError:
        return "the API server does not answer"


def wait_for(condition: Condition, context: RunContext, timeout: float, seen: Callable[[str], None]) -> None:
    """Polls until the condition holds.

    Raises BootstrapError (exit 6) with what was last seen, or RunOver when the run ends meanwhile.
    """

    def poll() -> str:
        state = observe(condition, context)
        if state:
            seen(state)
        return state

    try:
        Paced(poll, POLL).repeat(retry_if_result(bool), timeout, context.over)
    except RetryError as e:
        raise BootstrapError(
            f"{condition.title}: not within {timeout:.0f} s",
            code=Exit.WAIT,
            why=f"last seen: {e.last_attempt.result()}",
        ) from None


def _http(condition: HttpOk, context: RunContext) -> str:
    if condition.identity:
        try:
            answer = context.api.get(condition.url)
        except ConnectionError:
            return "connection refused"
        return OK if answer.status == 200 else f"HTTP {answer.status}: {_failed_checks(answer.text)}"
    status, text = context.probe(condition.url)
    return OK if status == 200 else f"HTTP {status}: {text}" if status else text


def _failed_checks(text: str) -> str:
    failed = [line.split()[0].lstrip("[-]") for line in text.splitlines() if line.startswith("[-]")]
    return "waiting for " + ", ".join(failed) if failed else text[:120]


def _node(condition: NodeReady | NodeExists, context: RunContext) -> str:
    answer = context.api.get(f"/api/v1/nodes/{condition.name}")
    if answer.status != 200:
        return "not registered yet"
    if isinstance(condition, NodeExists):
        return OK
    for entry in answer.body.get("status", {}).get("conditions", ()):
        if entry["type"] == "Ready":
            if _epoch(entry["lastHeartbeatTime"]) < condition.since:
                return "not reported since the boot"
            return OK if entry["status"] == "True" else str(entry.get("message", "NotReady"))
    return "no Ready condition yet"


def _served(condition: Served, context: RunContext) -> str:
    answer = context.api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{condition.name}")
    if answer.status != 200:
        return "not there yet"
    status = answer.body.get("status") or {}
    found = {entry["type"]: entry for entry in status.get("conditions") or ()}  # null at first
    refused = found.get("NamesAccepted", {})
    if refused.get("status") == "False":
        return str(refused.get("message", "its names are taken"))
    return OK if found.get("Established", {}).get("status") == "True" else "not established yet"


def _workload(condition: WorkloadReady, context: RunContext) -> str:
    plural = condition.kind.lower() + "s"
    answer = context.api.get(f"/apis/apps/v1/namespaces/{condition.namespace}/{plural}/{condition.name}")
    if answer.status != 200:
        return "not there yet"
    wanted, ready = _replicas(condition.kind, answer.body)
    metadata, status = answer.body["metadata"], answer.body.get("status", {})
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        return "not seen by its controller yet"
    if (not wanted and not condition.may_be_empty) or ready < wanted:
        return f"{ready} of {wanted} Pods ready"
    if not condition.since:
        return OK
    fresh = _fresh_pods(condition, context, answer.body["spec"]["selector"])
    return OK if fresh >= wanted else f"{fresh} of {wanted} Pods started since the boot"


def _fresh_pods(condition: WorkloadReady, context: RunContext, selector: Mapping[str, Any]) -> int:
    """How many Pods have all their containers running, each started after `since`."""
    query = quote(_label_selector(selector), safe="")
    pods = context.api.get(f"/api/v1/namespaces/{condition.namespace}/pods?labelSelector={query}")
    return sum(_started_since(pod.get("status", {}), condition.since) for pod in pods.body.get("items", ()))


def _label_selector(selector: Mapping[str, Any]) -> str:
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


def _started_since(status: Mapping[str, Any], since: float) -> bool:
    containers = status.get("containerStatuses", ())
    running = [container.get("state", {}).get("running") for container in containers]
    return bool(running) and all(state and _epoch(state["startedAt"]) >= since for state in running)


def _epoch(text: str) -> float:
    """Seconds since the epoch of an API time; the API cuts fractions, so the second counts as over."""
    return datetime.fromisoformat(text).timestamp() + 1


def _replicas(kind: str, body: Mapping[str, Any]) -> tuple[int, int]:
    status = body.get("status", {})
    if kind == "DaemonSet":
        updated = status.get("updatedNumberScheduled", 0)
        return status.get("desiredNumberScheduled", 0), min(updated, status.get("numberReady", 0))
    return body["spec"].get("replicas", 1), min(status.get("updatedReplicas", 0), status.get("readyReplicas", 0))
