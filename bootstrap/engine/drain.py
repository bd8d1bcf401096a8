"""Emptying a node: its Pods are evicted, so that disruption budgets are respected, and others take their place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bootstrap.engine.objects.answers import said
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import Api, ApiResponse
from bootstrap.model.errors import BootstrapError, Exit

Pod = Mapping[str, Any]
MIRROR = "kubernetes.io/config.mirror"
"""The annotation by which the kubelet shows a static Pod in the API."""
ENDED = ("Succeeded", "Failed")
AGAIN = 5.0
"""Seconds after which a Pod that was not let go is asked for again (kubectl's)."""
SHOWN = 3


def pods_path(node: str) -> str:
    """REST path of all Pods on a node; its kubelet may read that too."""
    return f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}"


def to_evict(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Those that would run elsewhere, or nowhere: not what each node has of its own, nor what has ended."""
    return tuple(pod for pod in pods if not _stays(pod))


def _stays(pod: Pod) -> bool:
    metadata = pod["metadata"]
    daemon = any(
        owner.get("controller") and owner["kind"] == "DaemonSet" for owner in metadata.get("ownerReferences", ())
    )
    ended = pod.get("status", {}).get("phase") in ENDED and "deletionTimestamp" not in metadata
    return daemon or MIRROR in metadata.get("annotations", {}) or ended


def described(pod: Pod) -> str:
    """`namespace/name`, and what is lost with it."""
    owned = any(owner.get("controller") for owner in pod["metadata"].get("ownerReferences", ()))
    return _name(pod) + ("" if owned else " (nobody makes it again)")


def set_schedulable(
    node: str, context: RunContext, *, schedulable: bool, timeout: float, first: Callable[[], object] = lambda: None
) -> bool:
    """Whether that changed anything; of a node that the cluster does not know, nothing does.

    `first` is done before a change.
    """
    name = f"node {node}"
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}

    def attempt() -> bool:
        answer = context.api.get(object_path(body))
        if answer.status == 404 or bool(_taken(answer, name).body.get("spec", {}).get("unschedulable")) != schedulable:
            return False
        first()
        _taken(context.api.merge({**body, "spec": {"unschedulable": None if schedulable else True}}), name)
        return True

    return persist(attempt, context, timeout, f"{name} was not {'un' if schedulable else ''}cordoned")


def evict_all(node: str, context: RunContext, timeout: float) -> int:
    """How many were evicted; all of them have ended. Raises BootstrapError: exit 6 names those that stay, and why."""
    return persist(_Eviction(node, context).look, context, timeout, f"node {node} was not drained")


class _Eviction:
    """`look` asks for all that may be asked for, and raises NotYet until none is left."""

    def __init__(self, node: str, context: RunContext) -> None:
        self._node, self._context = node, context
        self._asked: dict[str, float] = {}
        """Pod (uid) → when it was last asked for."""
        self._why: dict[str, str] = {}

    def look(self) -> int:
        api = self._context.api
        left = to_evict(_taken(api.get(pods_path(self._node)), f"the Pods of {self._node}").body.get("items", ()))
        for pod in left:
            uid = pod["metadata"]["uid"]
            due = time.monotonic() - self._asked.get(uid, -AGAIN) >= AGAIN
            if due and "deletionTimestamp" not in pod["metadata"]:
                self._asked[uid] = time.monotonic()
                self._why[uid] = _refusal(api, pod)
        if left:
            raise NotYet("; ".join(self._state(pod) for pod in left[:SHOWN]) + _more(len(left) - SHOWN))
        return len(self._asked)

    def _state(self, pod: Pod) -> str:
        why = "" if "deletionTimestamp" in pod["metadata"] else self._why.get(pod["metadata"]["uid"], "")
        return f"{_name(pod)}: {why or 'it ends'}"


def _refusal(api: Api, pod: Pod) -> str:
    """Why it was not let go; empty when it was."""
    name = {key: pod["metadata"][key] for key in ("name", "namespace")}
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": name,
        "deleteOptions": {"preconditions": {"uid": pod["metadata"]["uid"]}},
    }
    path = object_path({"apiVersion": "v1", "kind": "Pod", "metadata": name})
    answer = api.create(eviction, f"{path}/eviction")
    if answer.status < 300 or answer.status == 404:
        return ""
    causes = (answer.body.get("details") or {}).get("causes") or ()
    return str(next((cause["message"] for cause in causes if cause.get("message")), said(answer)))


def _taken(answer: ApiResponse, what: str) -> ApiResponse:
    """Raises NotYet for what passes, BootstrapError (exit 7) for what this user may not do."""
    if answer.status < 300:
        return answer
    if answer.status in (401, 403):
        raise BootstrapError(
            f"the API server refused {what}",
            code=Exit.API,
            why=said(answer),
            fix="give an administrator's kubeconfig: --kubeconfig FILE",
        )
    raise NotYet(said(answer))


def _name(pod: Pod) -> str:
    return f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"


def _more(count: int) -> str:
    return f"; and {count} more" if count > 0 else ""
