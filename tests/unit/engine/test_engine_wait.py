"""Waiting: what counts as reached, what is said meanwhile, when it ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from tenacity import wait_none

from bootstrap.engine import wait as engine_wait
from bootstrap.engine.pods import blockers, restless
from bootstrap.engine.wait import observe, wait_for
from bootstrap.host.port import ApiResponse
from bootstrap.model.conditions import (
    Condition,
    ControlPlaneSteady,
    HttpOk,
    NodeExists,
    NodeReady,
    Served,
    WorkloadReady,
)
from bootstrap.model.errors import BootstrapError, Exit
from tests.unit.engine.fakes import MemoryApi, context

BOOT = 1_767_312_000.0  # 2026-01-02T00:00:00Z
NODE = "/api/v1/nodes/n"
DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/d"
DAEMON_SET = "/apis/apps/v1/namespaces/kube-system/daemonsets/d"
PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=app%3Dd"


def api(**answers: Any) -> MemoryApi:
    memory = MemoryApi()
    memory.objects.update(answers)
    return memory


def seen(condition: Condition, objects: dict[str, Any]) -> str:
    return observe(condition, context(api=api(**objects)))


def ready(status: str, heartbeat: str = "2026-01-02T00:00:30Z") -> dict[str, Any]:
    entry = {
        "type": "Ready",
        "status": status,
        "message": "no CNI yet",
        "lastHeartbeatTime": heartbeat,
        "lastTransitionTime": heartbeat,
    }
    return {"status": {"conditions": [entry]}}


def deployment(updated: int, up: int, wanted: int = 2, observed: int = 1) -> dict[str, Any]:
    return {
        "metadata": {"generation": 1},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "d"}}},
        "status": {"observedGeneration": observed, "updatedReplicas": updated, "readyReplicas": up},
    }


def pod(started: str | None) -> dict[str, Any]:
    state = {"running": {"startedAt": started}} if started else {"waiting": {}}
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"state": state}]}}


def test_a_url_that_answers_is_enough() -> None:
    assert observe(HttpOk("up", "http://x"), context(probe=lambda url: (200, "ok"))) == ""


@pytest.mark.parametrize(
    ("answer", "says"), [((0, "connection refused"), "connection refused"), ((503, "no"), "HTTP 503: no")]
)
def test_a_url_that_does_not_says_how(answer: tuple[int, str], says: str) -> None:
    assert observe(HttpOk("up", "http://x"), context(probe=lambda url: answer)) == says


def test_failed_checks_of_the_api_server_are_named() -> None:
    text = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac failed\n"
    memory = MemoryApi(ApiResponse(500, {}, text))

    says = observe(HttpOk("live", "/livez", "admin"), context(api=memory))

    assert says == "HTTP 500: waiting for etcd, poststarthook/rbac"


def test_no_connection_is_a_state_not_an_error() -> None:
    assert observe(NodeExists("n"), context(api=MemoryApi(ConnectionError()))) == "the API server does not answer"
    assert observe(HttpOk("l", "/livez", "admin"), context(api=MemoryApi(ConnectionError()))) == "connection refused"


def test_a_node_is_ready_when_it_says_so() -> None:
    assert seen(NodeReady("n"), {NODE: ready("True")}) == ""
    assert seen(NodeExists("n"), {NODE: ready("False")}) == ""
    assert seen(NodeReady("n"), {NODE: ready("False")}) != ""
    assert seen(NodeReady("n"), {NODE: {"status": {}}}) == "no Ready condition yet"
    assert seen(NodeReady("n"), {}) == "not registered yet"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", ""),
        ("v1.37.0+bootstrap.2", ""),
        ("v1.37.0", ""),
        ("v1.37.0+bootstrap.1", ""),
        ("v1.37.1", "its kubelet is v1.37.0+bootstrap.2 still"),
    ],
)
def test_a_node_is_ready_with_the_kubelet_that_it_is_to_have(version: str, expected: str) -> None:
    body = ready("True")
    body["status"]["nodeInfo"] = {"kubeletVersion": "v1.37.0+bootstrap.2"}

    assert seen(NodeReady("n", version=version), {NODE: body}) == expected


def test_what_a_node_said_before_the_boot_does_not_count() -> None:
    assert seen(NodeReady("n", BOOT), {NODE: ready("True", "2026-01-01T23:59:00Z")}) != ""
    assert seen(NodeReady("n", BOOT), {NODE: ready("True")}) == ""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (deployment(2, 2), ""),
        (deployment(2, 1), "1 of 2 Pods ready"),
        (deployment(1, 2), "1 of 2 Pods ready"),
        (deployment(2, 2, observed=0), "not seen by its controller yet"),
    ],
)
def test_a_deployment_is_available_with_all_its_new_pods(body: dict[str, Any], says: str) -> None:
    assert seen(WorkloadReady("Deployment", "kube-system", "d"), {DEPLOYMENT: body}) == says


def test_a_daemon_set_without_a_node_is_not_ready() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 0}
    body = {"metadata": {"generation": 1}, "spec": {}, "status": status}

    assert seen(WorkloadReady("DaemonSet", "kube-system", "d"), {DAEMON_SET: body}) == "0 of 0 Pods ready"


def test_pods_of_before_the_boot_do_not_count() -> None:
    condition = WorkloadReady("Deployment", "kube-system", "d", BOOT)

    def says(started: str | None) -> str:
        return seen(
            condition, {DEPLOYMENT: deployment(2, 2), PODS: {"items": [pod("2026-01-02T00:00:05Z"), pod(started)]}}
        )

    assert says("2026-01-02T00:00:05Z") == ""
    assert says("2026-01-01T23:00:00Z") == "1 of 2 Pods started since the boot"
    assert says(None) == "1 of 2 Pods started since the boot"


@pytest.mark.parametrize(
    ("age", "says"), [(1, "p has to stay up for 10 s"), (8, "p has to stay up for 10 s"), (20, "")]
)
def test_pods_in_doubt_have_to_run_for_a_while(monkeypatch: pytest.MonkeyPatch, age: float, says: str) -> None:
    started = "2026-01-02T00:00:05Z"
    monkeypatch.setattr(time, "time", lambda: datetime.fromisoformat(started).timestamp() + age)
    objects = {DEPLOYMENT: deployment(1, 1, wanted=1), PODS: {"items": [pod(started)]}}

    assert seen(WorkloadReady("Deployment", "kube-system", "d", doubted=True), objects) == says
    assert seen(WorkloadReady("Deployment", "kube-system", "d"), objects) == ""


@pytest.mark.parametrize(
    ("selector", "query"),
    [
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, "app%20in%20%28a%2Cb%29"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, "app%20notin%20%28a%29"),
        ({"matchExpressions": [{"key": "x/y", "operator": "Exists"}]}, "x%2Fy"),
        (
            {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]},
            "a%3D1%2C%21b",
        ),
    ],
)
def test_pods_are_found_by_any_selector(selector: dict[str, Any], query: str) -> None:
    condition, body = WorkloadReady("Deployment", "kube-system", "d", BOOT), deployment(1, 1, wanted=1)
    body["spec"]["selector"] = selector
    pods = "/api/v1/namespaces/kube-system/pods?labelSelector=" + query

    assert seen(condition, {DEPLOYMENT: body, pods: {"items": [pod("2026-01-02T00:00:05Z")]}}) == ""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_wait, "POLL", wait_none())


@pytest.mark.usefixtures("quick")
def test_waiting_ends_when_the_condition_holds() -> None:
    answers, told = iter([(0, "a"), (500, "b"), (200, "")]), list[str]()

    wait_for(HttpOk("up", "http://x"), context(probe=lambda url: next(answers)), 5, told.append)

    assert told == ["a", "HTTP 500: b"]


@pytest.mark.usefixtures("quick")
def test_a_timeout_says_what_was_last_seen() -> None:
    with pytest.raises(BootstrapError) as caught:
        wait_for(HttpOk("kubelet healthy", "http://x"), context(), 0.01, lambda text: None)

    assert caught.value.code == Exit.WAIT
    assert caught.value.what.startswith("kubelet healthy: not within")
    assert caught.value.why == "last seen: connection refused"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"conditions": None}, "not established yet"),
        ({"conditions": [{"type": "NamesAccepted", "status": "False", "message": "taken"}]}, "taken"),
        ({"conditions": [{"type": "Established", "status": "True"}]}, ""),
    ],
)
def test_a_kind_is_served_when_its_definition_is_established(status: dict[str, Any], said: str) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.example.org"

    assert seen(Served("x.example.org"), {path: {"status": status}}) == said


def status(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": list(containers), **more}}


def running(since: float, ended: dict[str, Any] | None = None) -> dict[str, Any]:
    last = {"lastState": {"terminated": ended}} if ended else {}
    return {"name": "c", "ready": True, "state": {"running": {"startedAt": at(since)}}, **last}


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


CRASHED = {"startedAt": at(BOOT + 5), "exitCode": 1, "reason": "Error"}
LOOPING = {"waiting": {"reason": "CrashLoopBackOff"}}
AGAIN = "p was restarted 3 s ago (Error, exit code 1)"
BY_THE_BOOT = {"startedAt": at(BOOT - 500), "exitCode": 255, "reason": "Unknown"}


@pytest.mark.parametrize(
    ("pods", "says"),
    [
        ([status(running(BOOT + 5))], ""),
        ([status(running(BOOT + 20, CRASHED))], AGAIN),
        ([status(running(BOOT + 20, BY_THE_BOOT))], ""),
        ([status(running(BOOT + 8, CRASHED))], ""),
        (
            [status(running(BOOT + 5)), status(running(BOOT + 20, CRASHED))],
            "p was restarted 3 s ago (Error, exit code 1)",
        ),
    ],
)
def test_what_has_ended_since_the_boot_has_to_run_for_a_while(pods: list[dict[str, Any]], says: str) -> None:
    assert restless(pods, BOOT, BOOT + 23) == says


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        (
            status(conditions=[{"type": "PodScheduled", "status": "False", "message": "untolerated taint {a: b}"}]),
            ("p: untolerated taint {a: b}",),
        ),
        (
            status({"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}}),
            ("p: c ImagePullBackOff: Back-off",),
        ),
        (
            status(
                {
                    "name": "c",
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": CRASHED},
                }
            ),
            ("p: c CrashLoopBackOff (Error, exit code 1)",),
        ),
        (status({"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}), ()),
        (status({"name": "c", "state": {"running": {"startedAt": at(BOOT)}}, "ready": True}), ()),
        (
            status(initContainerStatuses=[{"name": "i", "state": {"waiting": {"reason": "CreateContainerError"}}}]),
            ("p: i CreateContainerError",),
        ),
    ],
)
def test_what_hinders_a_pod(pod: dict[str, Any], says: tuple[str, ...]) -> None:
    assert blockers([pod]) == says


def test_one_reason_is_told_once() -> None:
    pending = status(conditions=[{"type": "PodScheduled", "status": "False", "message": "no node"}])

    assert blockers([pending, pending, pending]) == ("p: no node",)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("refused", [False, True])
def test_a_long_wait_for_pods_says_what_hinders_them(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    monkeypatch.setattr(engine_wait, "QUIET", 0.0)
    body = deployment(0, 0)
    if refused:
        body["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": "webhook x says no"}]
    pending = status(conditions=[{"type": "PodScheduled", "status": "False", "message": "no node"}])
    objects = {DEPLOYMENT: body, PODS: {"items": [pending]}}

    with pytest.raises(BootstrapError) as caught:
        wait_for(WorkloadReady("Deployment", "kube-system", "d"), context(api=api(**objects)), 0.05, lambda text: None)

    hindrance = "webhook x says no" if refused else "p: no node"
    assert caught.value.why == f"last seen: 0 of 2 Pods ready; {hindrance}"


@pytest.mark.parametrize(
    ("container", "says"),
    [
        (running(BOOT + 1), ""),
        ({"name": "c", "state": LOOPING, "lastState": {"terminated": CRASHED}}, "has ended again and again"),
        ({"name": "c", "state": LOOPING, "lastState": {"terminated": BY_THE_BOOT}}, ""),
    ],
)
def test_a_control_plane_that_crashes_is_not_up(container: dict[str, Any], says: str) -> None:
    told = seen(ControlPlaneSteady(BOOT), {engine_wait.CONTROL_PLANE_PODS: {"items": [status(container)]}})

    assert says in told
    assert bool(told) is bool(says)


AFTER, BEFORE = "2026-01-02T00:00:05Z", "2026-01-01T23:00:00Z"
HALF = {
    "metadata": {"generation": 1},
    "spec": {"selector": {"matchLabels": {"app": "d"}}},
    "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 1},
}


def on(node: str, started: str, *, ready: bool = True) -> dict[str, Any]:
    found = pod(started)
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {**found, "spec": {"nodeName": node}, "status": {**found["status"], "conditions": conditions}}


@pytest.mark.parametrize(
    ("kind", "pods", "says"),
    [
        ("DaemonSet", [on("n", AFTER), on("gone", BEFORE, ready=False)], ""),
        ("DaemonSet", [on("n", AFTER, ready=False), on("other", BEFORE)], "0 of 1 Pods ready"),
        ("DaemonSet", [on("n", BEFORE), on("other", AFTER)], "0 of 1 Pods started since the boot"),
        ("DaemonSet", [on("other", AFTER)], "1 of 2 Pods ready"),
        ("Deployment", [on("n", AFTER), on("other", BEFORE)], ""),
        ("Deployment", [on("n", BEFORE), on("other", BEFORE)], "1 of 2 Pods started since the boot"),
    ],
)
def test_other_machines_are_not_waited_for(kind: str, pods: list[dict[str, Any]], says: str) -> None:
    """Pods there did not start with this machine, and machines that are gone leave theirs behind."""
    condition = WorkloadReady(kind, "kube-system", "d", BOOT, node="n")
    body, path = (deployment(2, 2), DEPLOYMENT) if kind == "Deployment" else (HALF, DAEMON_SET)

    assert seen(condition, {path: body, PODS: {"items": pods}}) == says


REVISIONS = "/apis/apps/v1/namespaces/kube-system/controllerrevisions?labelSelector=app%3Dd"
NEWEST = {"revision": 3, "metadata": {"labels": {"controller-revision-hash": "a"}}}
OLDER = {"revision": 2, "metadata": {"labels": {"controller-revision-hash": "b"}}}


@pytest.mark.parametrize(
    ("generation", "revision", "says"),
    [
        ("2", "b", "0 of 1 Pods ready"),  # of the template before
        ("3", "a", ""),
        ("1", "a", ""),  # of a template that the DaemonSet has come back to
    ],
)
def test_a_pod_of_the_template_before_does_not_count(generation: str, revision: str, says: str) -> None:
    mine = on("n", AFTER)
    mine["metadata"]["labels"] = {"pod-template-generation": generation, "controller-revision-hash": revision}
    annotations = {"deprecated.daemonset.template.generation": "3"}
    body = {**HALF, "metadata": {**HALF["metadata"], "annotations": annotations}}  # type: ignore[dict-item]
    objects = {DAEMON_SET: body, PODS: {"items": [mine]}, REVISIONS: {"items": [OLDER, NEWEST]}}

    assert seen(WorkloadReady("DaemonSet", "kube-system", "d", BOOT, node="n"), objects) == says
