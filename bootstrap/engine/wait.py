"""Waits: conditions are data, the deadline is stated, the last thing seen is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tenacity import RetryError, retry_if_result, wait_exponential

from bootstrap.engine.pods import (
    blockers,
    epoch,
    is_at,
    is_of,
    is_ready,
    label_selector,
    newest_revision,
    restless,
    started_since,
    young,
)
from bootstrap.engine.polling import UNREACHABLE, Paced
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.serving import unserved
from bootstrap.host.facts.cluster import SYSTEM
from bootstrap.host.runtime.cri import HASH, silence, static_pods
from bootstrap.model.conditions import (
    Condition,
    ControlPlaneSteady,
    FileThere,
    HttpOk,
    KubeletSigned,
    NodeExists,
    NodeReady,
    RuntimeServes,
    Served,
    StaticPodShown,
    WorkloadReady,
)
from bootstrap.model.errors import BootstrapError, Exit

POLL = wait_exponential(multiplier=0.05, min=0.05, max=0.2)
"""Seconds between polls; kubeadm's are 500 ms, of which a chain of waits loses half at each link."""

QUIET = 10.0
"""Seconds after which a wait for Pods also says what hinders them: that is one more request."""

CONTROL_PLANE_PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane"

OK = ""


def observe(condition: Condition, context: RunContext) -> str:
    """Empty when the condition holds, else what was seen instead."""
    if isinstance(condition, HttpOk):
        return _http(condition, context)
    if isinstance(condition, FileThere):
        return OK if context.host.stat(condition.path) else f"{condition.path} is not there yet"
    if isinstance(condition, RuntimeServes):
        return silence(context.host, condition.socket)
    try:
        if isinstance(condition, WorkloadReady):
            return _workload(condition, context)
        if isinstance(condition, ControlPlaneSteady):
            pods = context.api.get(CONTROL_PLANE_PODS).body.get("items", ())
            return restless(pods, condition.since, time.time())
        if isinstance(condition, StaticPodShown):
            return _shown(condition, context)
        if isinstance(condition, KubeletSigned):
            return unserved(condition, context)
        if isinstance(condition, Served):
            return _served(condition, context)
        return _node(condition, context)
    except ConnectionError:
        return UNREACHABLE


def wait_for(condition: Condition, context: RunContext, timeout: float, seen: Callable[[str], None]) -> None:
    """Polls until the condition holds.

    Raises BootstrapError (exit 6) with what was last seen, or RunOver when the run ends meanwhile.
    """

    began = time.monotonic()

    def poll() -> str:
        state = observe(condition, context)
        if state and isinstance(condition, WorkloadReady) and time.monotonic() - began > QUIET:
            state = "; ".join([state, *_hindrances(condition, context)])
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
    status = answer.body.get("status", {})
    runs = str(status.get("nodeInfo", {}).get("kubeletVersion", ""))
    if condition.version and runs.partition("+")[0] != condition.version.partition("+")[0]:
        return f"its kubelet is {runs or 'unknown'} still"
    for entry in status.get("conditions", ()):
        if entry["type"] == "Ready":
            if epoch(entry["lastHeartbeatTime"]) < condition.since:
                return "not reported since the boot"
            return OK if entry["status"] == "True" else str(entry.get("message", "NotReady"))
    return "no Ready condition yet"


def _shown(condition: StaticPodShown, context: RunContext) -> str:
    """Whether the mirror of a static Pod is of the manifest that the newest sandbox of it was made of."""
    name = f"{condition.component}-{condition.node}"
    runs = next((pod.hash for pod in static_pods(context.host, condition.socket) if pod.name == name), "")
    if not runs:
        return "it does not run yet"
    metadata = context.api.get(f"{SYSTEM}/pods/{name}").body.get("metadata") or {}
    shown = (metadata.get("annotations") or {}).get(HASH)
    return OK if shown == runs else "the API shows another one"


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
    answer = context.api.get(_path(condition))
    if answer.status != 200:
        return "not there yet"
    wanted, ready = _replicas(condition.kind, answer.body)
    metadata, status = answer.body["metadata"], answer.body.get("status", {})
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        return "not seen by its controller yet"
    looked_at = condition.since or condition.node or condition.doubted
    pods = _pods(condition, context, answer.body) if looked_at else []
    own = [pod for pod in pods if condition.node in ("", pod.get("spec", {}).get("nodeName"))]
    if condition.kind == "DaemonSet" and condition.node and own:
        old = [pod for pod in own if not is_of(pod, answer.body)]
        if old and (revision := newest_revision(_revisions(condition, context, answer.body))):
            old = [pod for pod in old if not is_at(pod, revision)]
        pods, wanted, ready = own, len(own), sum(is_ready(pod) and pod not in old for pod in own)
    if (not wanted and not condition.may_be_empty) or ready < wanted:
        return f"{ready} of {wanted} Pods ready"
    if condition.doubted and (state := young(pods, time.time())):
        return state
    if not condition.since:
        return OK
    fresh = sum(pod not in own or started_since(pod, condition.since) for pod in pods)
    if fresh < wanted:
        return f"{fresh} of {wanted} Pods started since the boot"
    return restless(pods, condition.since, time.time())


def _path(condition: WorkloadReady) -> str:
    return f"/apis/apps/v1/namespaces/{condition.namespace}/{condition.kind.lower()}s/{condition.name}"


def _pods(condition: WorkloadReady, context: RunContext, workload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _selected(context, f"/api/v1/namespaces/{condition.namespace}/pods", workload)


def _revisions(condition: WorkloadReady, context: RunContext, workload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _selected(context, f"/apis/apps/v1/namespaces/{condition.namespace}/controllerrevisions", workload)


def _selected(context: RunContext, path: str, workload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    query = quote(label_selector(workload.get("spec", {}).get("selector", {})), safe="")
    return list(context.api.get(f"{path}?labelSelector={query}").body.get("items", ()))


def _hindrances(condition: WorkloadReady, context: RunContext) -> tuple[str, ...]:
    """What keeps the workload from being ready, in the words of the scheduler, the kubelet or the API server."""
    try:
        found = context.api.get(_path(condition)).body
        refused = [c["message"] for c in found.get("status", {}).get("conditions", ()) if c["type"] == "ReplicaFailure"]
        return tuple(refused) or blockers(_pods(condition, context, found))
    except ConnectionError:
        return ()


def _replicas(kind: str, body: Mapping[str, Any]) -> tuple[int, int]:
    status = body.get("status", {})
    if kind == "DaemonSet":
        updated = status.get("updatedNumberScheduled", 0)
        return status.get("desiredNumberScheduled", 0), min(updated, status.get("numberReady", 0))
    return body["spec"].get("replicas", 1), min(status.get("updatedReplicas", 0), status.get("readyReplicas", 0))
