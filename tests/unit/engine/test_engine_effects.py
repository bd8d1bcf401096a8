"""Each effect: compared with what is there, applied only when it differs."""

from __future__ import annotations

from unittest.mock import ANY

import pytest

from bootstrap.engine import polling
from bootstrap.engine.effects import apply_effect
from bootstrap.engine.preview import preview
from bootstrap.host.port import ApiResponse, UnitState
from bootstrap.model.effects import Apply, Create, Directory, Effect, File, FlannelSubnet, UnitRunning
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan, Step
from tests.memory import Entry, MemoryHost
from tests.unit.engine.fakes import MemoryApi, config_map, context


def twice(effect: Effect, host: MemoryHost | None = None, api: MemoryApi | None = None) -> tuple[str, str]:
    """What two runs in a row say; the second must say nothing."""
    machine, objects = host or MemoryHost(), api or MemoryApi()
    first = apply_effect(effect, context(machine, objects), 1)
    return first, apply_effect(effect, context(machine, objects), 1)


@pytest.mark.parametrize(
    ("effect", "says"),
    [
        (File("/etc/a", b"1"), "/etc/a written"),
        (Directory("/etc/d", 0o700), "/etc/d/ made"),
        (UnitRunning("a.service"), "a.service: stopped, now running"),
        (Apply(config_map(a="1")), "ConfigMap kube-system/x applied"),
        (Create(config_map(a="1")), "ConfigMap kube-system/x created"),
    ],
)
def test_an_effect_is_applied_once(effect: Effect, says: str) -> None:
    assert twice(effect) == (says, "")


def test_a_file_with_other_content_is_written() -> None:
    host = MemoryHost()
    host.write("/etc/a", b"old", 0o644)

    apply_effect(File("/etc/a", b"new", 0o600), context(host), 1)

    assert host.entries["/etc/a"] == Entry("file", 0o600, b"new", mtime=ANY)


def test_a_file_with_another_mode_is_written() -> None:
    host = MemoryHost()
    host.write("/etc/a", b"x", 0o644)

    assert twice(File("/etc/a", b"x", 0o600), host) == ("/etc/a written", "")


def test_a_key_is_never_overwritten_but_its_mode_is_set_right() -> None:
    host = MemoryHost()
    host.write("/etc/ca.key", b"the first", 0o644)

    apply_effect(File("/etc/ca.key", b"another", 0o600, once=True), context(host), 1)

    assert host.entries["/etc/ca.key"] == Entry("file", 0o600, b"the first", mtime=ANY)


def test_a_missing_folder_is_made_first() -> None:
    host = MemoryHost()

    apply_effect(File("/etc/x/y", b""), context(host), 1)

    assert host.changes == ["mkdir /etc/x", "write /etc/x/y"]


def test_a_unit_that_runs_with_older_content_is_restarted() -> None:
    host = MemoryHost()
    host.units["a.service"] = UnitState(active=True, enabled=True, started=0.5)
    host.write("/etc/a", b"", 0o644)

    assert twice(UnitRunning("a.service", ("/etc/a",)), host) == ("a.service: older than /etc/a, now running", "")


def test_a_file_that_a_unit_may_use_and_that_is_not_there_is_no_difference() -> None:
    host = MemoryHost()
    host.start_unit("a.service", enable=True, restart=False)

    assert apply_effect(UnitRunning("a.service", ("/etc/none",)), context(host), 1) == ""


def test_what_has_an_owner_is_applied_with_a_reference_to_it() -> None:
    api, effect = MemoryApi(), Apply(config_map("child", a="1"), owner=config_map("parent"))

    assert twice(effect, api=api) == ("ConfigMap kube-system/child applied", "")
    parent, child = (api.objects[f"/api/v1/namespaces/kube-system/configmaps/{name}"] for name in ("parent", "child"))
    assert child["metadata"]["ownerReferences"] == [
        {
            **{"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": parent["metadata"]["uid"]},
            **{"controller": True, "blockOwnerDeletion": True},
        }
    ]


def test_what_is_created_once_is_not_changed_later() -> None:
    api = MemoryApi()
    apply_effect(Create(config_map(a="1")), context(api=api), 1)

    assert apply_effect(Create(config_map(a="2")), context(api=api), 1) == ""
    assert api.objects["/api/v1/namespaces/kube-system/configmaps/x"]["data"] == {"a": "1"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "RETRY_SECONDS", 0.001)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "passing", [ConnectionError("refused"), *(ApiResponse(status, {}) for status in (403, 404, 429, 500, 503))]
)
def test_what_passes_by_itself_is_waited_out(passing: ApiResponse | Exception) -> None:
    api = MemoryApi(passing, passing)

    assert apply_effect(Create(config_map()), context(api=api), 5) == "ConfigMap kube-system/x created"


@pytest.mark.usefixtures("quick")
def test_what_does_not_pass_ends_with_the_last_answer() -> None:
    api = MemoryApi(*[ApiResponse(503, {"message": "etcd is away"})] * 10_000)

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Apply(config_map()), context(api=api), 0.02)

    assert caught.value.code == Exit.WAIT
    assert caught.value.what.startswith("the API server did not take ConfigMap kube-system/x within")
    assert "etcd is away" in caught.value.why


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("seen", "limit"), [(ConnectionError("refused"), "1 s"), (ApiResponse(503, {"message": "starting"}), "0 s")]
)
def test_a_server_that_is_away_has_as_long_as_its_start_may_take(seen: ApiResponse | Exception, limit: str) -> None:
    """The kubelet may replace it meanwhile (30 s of grace each for etcd and its client); else `timeout` counts."""
    run = context(api=MemoryApi(*[seen] * 100_000))
    run.start_timeout = 1

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Create(config_map()), run, 0.02)

    assert caught.value.code == Exit.WAIT
    assert caught.value.what == f"the API server did not take ConfigMap kube-system/x within {limit}"


@pytest.mark.usefixtures("quick")
def test_a_node_without_a_pod_range_is_named() -> None:
    with pytest.raises(BootstrapError) as caught:
        apply_effect(FlannelSubnet("/run/subnet.env", "n", "10.244.0.0/16", 1450), context(), 0.02)

    assert caught.value.what.startswith("node n was given no Pod range within")
    assert "spec.podCIDR" in caught.value.why


def test_a_refusal_is_not_tried_again() -> None:
    api = MemoryApi(ApiResponse(422, {"message": "spec.x: invalid"}), ApiResponse(201, {}))

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Create(config_map()), context(api=api), 5)

    assert (caught.value.code, caught.value.details) == (Exit.API, ("spec.x: invalid",))
    assert len(api.before) == 1


def test_preview_tells_new_from_unchanged_and_writes_nothing() -> None:
    host = MemoryHost()
    host.write("/etc/same", b"1", 0o644)
    host.write("/etc/other", b"1", 0o644)
    host.log.clear()
    effects: tuple[Effect, ...] = (
        File("/etc/same", b"1"),
        File("/etc/other", b"2"),
        File("/etc/new", b"3"),
        Directory("/etc"),
        UnitRunning("a.service"),
        Apply(config_map()),
        Create(config_map()),
    )

    shown = preview(Plan((Step("s", "Group", effects),)), host)[0].effects

    verdicts = [effect.what.rpartition(": ")[2] for effect in shown[:5]]
    assert verdicts == ["unchanged", "change (content)", "new", "unchanged", "start"]
    assert [effect.what for effect in shown[5:]] == [
        "apply ConfigMap kube-system/x",
        "create ConfigMap kube-system/x if absent",
    ]
    assert [effect.diff[1:] for effect in shown[:3]] == [(), ("-1", "+2"), ("+3",)]
    assert "+kind: ConfigMap" in shown[5].diff
    assert host.changes == []


def test_a_unit_that_is_disabled_and_runs_with_old_content_is_enabled_and_restarted() -> None:
    host = MemoryHost()
    host.start_unit("a.service", enable=False, restart=False)
    host.write("/etc/a", b"new", 0o644)

    assert apply_effect(UnitRunning("a.service", ("/etc/a",)), context(host), 1) != ""
    assert host.log[-1] == "restart a.service"
    assert host.units["a.service"].enabled


def test_preview_shows_no_secret() -> None:
    steps = (Step("s", "Group", (File("/etc/ca.key", b"BEGIN KEY", 0o600, secret=True),)),)

    shown = preview(Plan(steps), MemoryHost())[0].effects[0]

    assert "BEGIN" not in shown.what
    assert "9 bytes" in shown.what
    assert shown.diff == ()
