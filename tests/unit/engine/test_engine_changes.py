"""What the configuration does not ask for any more: ours goes, what others put there stays."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.engine.effects import apply_effect, describe
from bootstrap.host.port import ApiResponse
from bootstrap.model.cluster import Taint
from bootstrap.model.effects import FileGone, NodeTaints, ObjectGone
from bootstrap.model.errors import BootstrapError, Exit
from tests.memory import MemoryHost
from tests.unit.engine.fakes import MemoryApi, config_map, context

RECORD = "/etc/kubernetes/bootstrap/node-taints"
OURS, NEXT = Taint("role", "NoSchedule"), Taint("role", "NoExecute", "x")
THEIRS = {"key": "gpu", "effect": "NoSchedule", "value": "yes"}
PATH = "/api/v1/namespaces/kube-system/configmaps/x"


def api_with_node(*taints: dict[str, str]) -> MemoryApi:
    api = MemoryApi()
    api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}, manager="kubelet")
    api.edit("/api/v1/nodes/n", {"spec": {"taints": list(taints)}}, manager="kubelet")
    return api


def taints(api: MemoryApi) -> list[dict[str, str]]:
    found: list[dict[str, str]] = api.objects["/api/v1/nodes/n"]["spec"]["taints"]
    return found


def retaint(api: MemoryApi, host: MemoryHost, *wanted: Taint, timeout: float = 5) -> str:
    return apply_effect(NodeTaints("n", wanted, RECORD), context(host, api), timeout)


def test_the_first_taints_are_the_kubelets_and_only_noted() -> None:
    host, api = MemoryHost(), MemoryApi()

    assert retaint(api, host, OURS) == ""
    assert host.read(RECORD) == b"role:NoSchedule\n"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((), [THEIRS]),
        ((NEXT,), [THEIRS, NEXT.document]),
        ((OURS, NEXT), [THEIRS, OURS.document, NEXT.document]),
    ],
)
def test_other_taints_of_ours_replace_those_before(wanted: tuple[Taint, ...], expected: list[dict[str, str]]) -> None:
    host, api = MemoryHost(), api_with_node(OURS.document, THEIRS)
    retaint(api, host, OURS)

    assert "taints of node n" in retaint(api, host, *wanted)
    assert taints(api) == expected
    assert retaint(api, host, *wanted) == ""


def test_whoever_takes_a_taint_away_is_not_undone() -> None:
    host, api = MemoryHost(), api_with_node()
    retaint(api, host, OURS)

    assert retaint(api, host, OURS) == ""
    assert taints(api) == []


@pytest.mark.parametrize("first", [ConnectionError("died"), ApiResponse(409, {"message": "modified"})])
def test_a_node_that_changes_meanwhile_is_looked_at_again(first: Any) -> None:
    host, api = MemoryHost(), api_with_node(OURS.document)
    retaint(api, host, OURS)
    api.before.append(first)

    assert retaint(api, host, NEXT)
    assert taints(api) == [NEXT.document]


def test_a_run_that_ends_before_the_node_is_changed_does_it_the_next_time() -> None:
    host, api = MemoryHost(), api_with_node(OURS.document)
    retaint(api, host, OURS)
    with pytest.raises(BootstrapError) as caught:
        retaint(MemoryApi(*[ConnectionError()] * 1000), host, NEXT, timeout=0.01)

    assert caught.value.code == Exit.WAIT
    assert retaint(api, host, NEXT)


def test_an_object_of_ours_goes_and_one_of_others_stays() -> None:
    api = MemoryApi()
    api.apply(config_map())
    assert "deleted" in apply_effect(ObjectGone(config_map()), context(api=api), 5)
    assert PATH not in api.objects
    assert apply_effect(ObjectGone(config_map()), context(api=api), 5) == ""

    api.apply(config_map(), manager="helm")
    assert apply_effect(ObjectGone(config_map()), context(api=api), 5) == ""
    assert PATH in api.objects


def test_what_the_api_server_refuses_to_delete_is_said() -> None:
    api = MemoryApi()
    api.apply(config_map())
    api.before += [ApiResponse(200, api.objects[PATH]), ApiResponse(422, {"message": "protected"})]

    with pytest.raises(BootstrapError, match="refused"):
        apply_effect(ObjectGone(config_map()), context(api=api), 5)


def test_a_file_of_ours_goes_and_the_journal_knows_it() -> None:
    host = MemoryHost()
    host.write("/etc/x", b"content", 0o600)
    effect = FileGone("/etc/x")

    assert describe(effect, host) == "file /etc/x: remove"
    assert apply_effect(effect, context(host), 5) == "/etc/x removed"
    assert host.stat("/etc/x") is None
    assert apply_effect(effect, context(host), 5) == ""
    assert any("/etc/x" in line for line in (host.read("/var/lib/bootstrap/journal") or b"").decode().splitlines())
