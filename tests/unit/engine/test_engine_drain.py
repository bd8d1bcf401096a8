"""Emptying a node: who is evicted, who stays, and what is said while a budget keeps one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bootstrap.engine.drain import AGAIN, MIRROR, described, evict_all, pods_path, set_schedulable, to_evict
from bootstrap.engine.effects import apply_effect, describe, diff
from bootstrap.host.port import ApiResponse
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Unanswered
from bootstrap.model.reset_effects import NodeDeleted, NodeDrained, NodeUncordoned
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi
from tests.unit.engine.fakes import context

NODE = "/api/v1/nodes/one"
BUDGET = "The disruption budget web needs 2 healthy pods and has 2 currently"


def pod(name: str, kind: str = "ReplicaSet", phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    owners = {"ownerReferences": [{"kind": kind, "controller": True}]} if kind else {}
    return {"metadata": {"name": name, "namespace": "a", "uid": name, **owners, **metadata}, "status": {"phase": phase}}


class Cluster(MemoryApi):
    """Its node has Pods; an evicted one is gone at the next look. `refusals` are answered first, by Pod."""

    def __init__(self, *pods: dict[str, Any], **refusals: list[ApiResponse]) -> None:
        super().__init__()
        self.objects[NODE] = {
            "metadata": {"name": "one", "resourceVersion": "1", "uid": "u"},
            "spec": {},
            "apiVersion": "v1",
        }
        self.pods, self.refusals = list(pods), refusals
        self.asked: list[str] = []

    def get(self, path: str) -> ApiResponse:
        return ApiResponse(200, {"items": list(self.pods)}) if path == pods_path("one") else super().get(path)

    def create(self, body: Mapping[str, Any], path: str = "", *, manager: str = "") -> ApiResponse:
        name = body["metadata"]["name"]
        assert path == f"/api/v1/namespaces/a/pods/{name}/eviction"
        assert body["deleteOptions"] == {"preconditions": {"uid": name}}
        self.asked.append(name)
        if self.refusals.get(name):
            return self.refusals[name].pop(0)
        self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != name]
        return ApiResponse(201, {"kind": "Status"})


REFUSED = ApiResponse(429, {"message": "Cannot evict pod", "details": {"causes": [{"message": BUDGET}]}})


@pytest.mark.parametrize(
    ("found", "leaves"),
    [
        (pod("web"), True),
        (pod("db", "StatefulSet"), True),
        (pod("alone", kind=""), True),
        (pod("agent", "DaemonSet"), False),
        (pod("etcd", "Node", annotations={MIRROR: "x"}), False),
        (pod("done", "Job", phase="Succeeded"), False),
        (pod("failed", "Job", phase="Failed"), False),
        (pod("waits", phase="Pending"), True),
        (pod("ends", phase="Succeeded", deletionTimestamp="2026-01-01T00:00:00Z"), True),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_who_leaves(found: dict[str, Any], leaves: bool) -> None:
    assert bool(to_evict([found])) is leaves


def test_what_nobody_makes_again_is_said() -> None:
    assert described(pod("web")) == "a/web"
    assert described(pod("alone", kind="")) == "a/alone (nobody makes it again)"


def test_a_node_is_cordoned_and_emptied_and_a_second_run_changes_nothing() -> None:
    api = Cluster(pod("web"), pod("agent", "DaemonSet"), pod("db", "StatefulSet"))

    assert apply_effect(NodeDrained("one"), context(api=api), 1) == "2 Pods evicted"
    assert api.objects[NODE]["spec"]["unschedulable"] is True
    assert [p["metadata"]["name"] for p in api.pods] == ["agent"]
    assert apply_effect(NodeDrained("one"), context(api=api), 1) == ""


@pytest.mark.parametrize("cordoned", [False, True])
def test_who_was_cordoned_before_stays_so(cordoned: bool) -> None:
    api, host = Cluster(pod("web")), MemoryHost()
    api.objects[NODE]["spec"] = {"unschedulable": True} if cordoned else {}
    drained, back = NodeDrained("one", names.CORDONED), NodeUncordoned("one", names.CORDONED)

    assert apply_effect(drained, context(host, api=api), 1) == "1 Pods evicted"
    assert (host.stat(names.CORDONED) is None) is cordoned
    assert apply_effect(back, context(host, api=api), 1) == ("" if cordoned else "one takes Pods again")
    assert (bool(api.objects[NODE]["spec"].get("unschedulable")), host.stat(names.CORDONED)) == (cordoned, None)


def test_a_cordoned_node_takes_pods_again() -> None:
    api = Cluster()

    assert set_schedulable("one", context(api=api), schedulable=False, timeout=1)
    assert set_schedulable("one", context(api=api), schedulable=True, timeout=1)
    assert not set_schedulable("one", context(api=api), schedulable=True, timeout=1)
    assert not api.objects[NODE]["spec"].get("unschedulable")


def test_a_budget_is_respected_until_the_deadline_which_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootstrap.engine.drain.AGAIN", 0.0)
    api = Cluster(pod("web"), web=[REFUSED] * 2)
    assert evict_all("one", context(api=api), 5) == 1

    kept = Cluster(pod("web"), web=[REFUSED] * 1000)
    with pytest.raises(BootstrapError, match="node one was not drained") as caught:
        evict_all("one", context(api=kept), 0.5)
    assert (caught.value.code, BUDGET in caught.value.why) == (Exit.WAIT, True)


def test_a_pod_that_was_not_let_go_is_not_asked_for_all_the_time() -> None:
    assert AGAIN > 1
    api = Cluster(pod("web"), web=[REFUSED] * 1000)
    with pytest.raises(BootstrapError):
        evict_all("one", context(api=api), 0.7)
    assert api.asked == ["web"]


def test_a_pod_that_ends_is_waited_for_and_not_asked_again() -> None:
    api = Cluster(pod("slow", deletionTimestamp="2026-01-01T00:00:00Z"))
    with pytest.raises(BootstrapError) as caught:
        evict_all("one", context(api=api), 0.3)
    assert api.asked == []
    assert "a/slow: it ends" in caught.value.why


def test_who_may_not_is_told_at_once() -> None:
    api = Cluster()
    api.before = [ApiResponse(403, {"message": 'nodes "one" is forbidden'})]
    with pytest.raises(BootstrapError, match="refused node one") as caught:
        apply_effect(NodeDrained("one"), context(api=api), 30)
    assert caught.value.code == Exit.API


def test_a_node_that_is_gone_has_nothing_to_drain() -> None:
    api = Cluster()
    del api.objects[NODE]

    assert apply_effect(NodeDrained("one"), context(api=api), 1) == ""


def test_a_dry_run_lists_the_pods() -> None:
    api = Cluster(pod("web"), pod("agent", "DaemonSet"), pod("alone", kind=""))
    lines = diff(NodeDrained("one"), MemoryHost(), lambda path: api.get(path).found)

    assert lines == ("- a/web", "- a/alone (nobody makes it again)")
    assert describe(NodeDrained("one"), MemoryHost()) == "drain node one"


def test_the_cluster_forgets_the_node() -> None:
    api = Cluster()

    assert apply_effect(NodeDeleted("one"), context(api=api), 1) == "node one deleted"
    assert apply_effect(NodeDeleted("one"), context(api=api), 1) == ""


@pytest.mark.parametrize("answer", [ConnectionError("refused"), ApiResponse(403, {"message": "forbidden"})])
def test_a_cluster_that_does_not_forget_it_stops_nothing(answer: ApiResponse | Exception) -> None:
    said = apply_effect(NodeDeleted("one"), context(api=MemoryApi(answer)), 1)

    assert isinstance(said, Unanswered)
    assert "kubectl delete node one" in said
