"""What others have changed stays theirs: fields, conflicts, and what a second run does about them."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.engine import polling
from bootstrap.engine.effects import apply_effect
from bootstrap.engine.effects.registry import diff
from bootstrap.engine.objects.ownership import fields_of_others, parsed, taken, value_at, without
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import ApiResponse
from bootstrap.model import names
from bootstrap.model.effects import Apply
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import FieldsKept
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi, owners_of
from tests.unit.engine.fakes import config_map, context

PATH = "/api/v1/namespaces/kube-system/configmaps/x"
POD: dict[str, Any] = {
    "metadata": {"annotations": {"a.b/c.d": "1", "a": {"b/c": "2"}}},
    "spec": {
        "containers": [
            {"name": "x", "args": ["1"], "ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]},
            {"name": "y[0].z", "image": "i"},
        ],
        "finalizers": ["one", "two"],
    },
    "data": {"net-conf.json": "{}", "net": "x"},
}


class Run:
    """Runs of the program on one machine, one after the other."""

    def __init__(self) -> None:
        self.host, self.api, self.seen = MemoryHost(), MemoryApi(), list[Any]()
        self.host.mkdir(names.STATE_DIR, 0o700)

    def __call__(self, body: dict[str, Any], *, takes_back: bool = False) -> str:
        run = RunContext(
            self.host, lambda: self.api, lambda url: (0, ""), "init", report=self.seen.append, takes_back=takes_back
        )
        changed = apply_effect(Apply(body), run, 1)
        run.applied.save(self.host, run.journal)
        return changed

    @property
    def data(self) -> dict[str, str]:
        found: dict[str, str] = self.api.objects[PATH]["data"]
        return found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (".data.net-conf.json", "{}"),
        (".data.net", "x"),
        (".metadata.annotations.a.b/c.d", "1"),
        ('.spec.containers[name="x"].args', ["1"]),
        ('.spec.containers[name="y[0].z"].image', "i"),
        ('.spec.containers[name="x"].ports[containerPort=53,protocol="UDP"].protocol', "UDP"),
        ('.spec.finalizers[="two"]', "two"),
        (".spec.nothing", None),
    ],
)
def test_a_field_is_found_where_the_api_server_says(field: str, value: Any) -> None:
    path = parsed(field, POD)

    assert value_at(POD, path) == value
    assert value_at(without(POD, [path]), path) is None


def test_nothing_else_goes_with_a_field() -> None:
    left = without(POD, [parsed('.spec.containers[name="x"].args', POD), parsed(".data.net", POD)])

    assert [c["name"] for c in left["spec"]["containers"]] == ["x", "y[0].z"]
    assert left["data"] == {"net-conf.json": "{}"}
    assert POD["spec"]["containers"][0]["args"] == ["1"]


def test_only_conflicts_of_fields_are_conflicts() -> None:
    assert taken(ApiResponse(409, {"reason": "Conflict"})) == ()
    assert taken(ApiResponse(409, {"details": {"causes": [{"reason": "Other", "field": ".x"}]}})) == ()


def test_what_somebody_else_has_changed_stays_and_is_named() -> None:
    run = Run()
    run(config_map(a="1", b="2"))
    run.api.edit(PATH, {"data": {"a": "edited"}})

    assert run(config_map(a="1", b="2")) == ""
    assert run.data == {"a": "edited", "b": "2"}
    assert run.seen == [FieldsKept("ConfigMap kube-system/x", (".data.a",), ("kubectl-edit",), empty=False)]
    assert owners_of(run.api.objects[PATH], "data", "b") == {names.FIELD_MANAGER}
    assert run(config_map(a="1", b="2")) == ""


def test_what_the_user_asks_for_is_taken_back() -> None:
    run = Run()
    run(config_map(a="1"))
    run.api.edit(PATH, {"data": {"a": "edited"}})

    assert run(config_map(a="1"), takes_back=True) == "ConfigMap kube-system/x applied"
    assert run.data == {"a": "1"}
    assert run.seen == []


def test_something_new_to_say_is_said() -> None:
    run = Run()
    run(config_map(a="1"))
    run.api.edit(PATH, {"data": {"a": "edited"}})

    assert run(config_map(a="2")) == "ConfigMap kube-system/x applied"
    assert run.data == {"a": "2"}


@pytest.mark.parametrize("takes_back", [True, False])
def test_a_field_that_is_for_others_to_fill_is_never_emptied(takes_back: bool) -> None:
    run = Run()
    run(config_map(csrf=""))
    run.api.edit(PATH, {"data": {"csrf": "filled"}}, manager="dashboard")

    assert run(config_map(csrf=""), takes_back=takes_back) == ""
    assert run(config_map(csrf="", more="1"), takes_back=takes_back) == "ConfigMap kube-system/x applied"
    assert run.data == {"csrf": "filled", "more": "1"}
    assert {event.empty for event in run.seen} == {True}


def test_what_was_there_before_us_stays_until_asked_for() -> None:
    run = Run()
    run.api.create(config_map(a="theirs"), manager="kubectl-create")

    assert run(config_map(a="ours", b="2")) == "ConfigMap kube-system/x applied"
    assert run.data == {"a": "theirs", "b": "2"}
    assert run(config_map(a="ours", b="2"), takes_back=True) == "ConfigMap kube-system/x applied"
    assert run.data == {"a": "ours", "b": "2"}


def test_more_fields_of_others_do_not_count() -> None:
    run = Run()
    run(config_map(a="1"))
    run.api.edit(PATH, {"data": {"added": "x"}})

    assert run(config_map(a="1")) == ""
    assert (run.data, run.seen) == ({"a": "1", "added": "x"}, [])


def test_a_preview_shows_no_change_of_what_stays() -> None:
    run = Run()
    run(config_map(a="1", b="2"))
    run.api.edit(PATH, {"data": {"a": "edited"}})
    there = run.api.objects

    assert fields_of_others(config_map(a="1", b="2"), there[PATH]) == (("data", "a"),)
    assert diff(Apply(config_map(a="1", b="2")), run.host, there.get) == ()
    assert "+  a: '1'" in diff(Apply(config_map(a="1", b="3")), run.host, there.get), (
        "something new is said, and all of it"
    )
    run.host.remove(names.APPLIED)
    assert "+  b: '3'" in diff(Apply(config_map(a="1", b="3")), run.host, there.get)


def test_what_was_applied_is_kept_by_digest_only() -> None:
    run = Run()
    run(config_map(a="a secret"))

    content = run.host.read(names.APPLIED) or b""
    assert b"secret" not in content
    assert run.host.entries[names.APPLIED].mode == 0o600


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "RETRY_SECONDS", 0.001)


class Refusing(MemoryApi):
    """Takes no object, with one answer."""

    def __init__(self, answer: ApiResponse) -> None:
        super().__init__()
        self.answer, self.tries = answer, 0

    def apply(self, *args: Any, **kwargs: Any) -> ApiResponse:
        self.tries += 1
        return self.answer


@pytest.mark.usefixtures("quick")
def test_an_object_that_makes_no_sense_is_refused_at_once_with_the_words() -> None:
    words = 'failed to create typed patch object: .env: duplicate entries for key [name="A"]'
    api = Refusing(ApiResponse(500, {"kind": "Status", "message": words, "code": 500}))

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Apply(config_map()), context(api=api), 600)

    assert (caught.value.code, caught.value.details, api.tries) == (Exit.API, (words,), 5)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_failure_with_a_reason_is_waited_out(status: int) -> None:
    api = Refusing(ApiResponse(status, {"message": "x", "reason": "InternalError"}))

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Apply(config_map()), context(api=api), 0.1)

    assert caught.value.code == Exit.WAIT
    assert api.tries > 5


@pytest.mark.usefixtures("quick")
def test_a_webhook_that_does_not_answer_is_named_with_its_service_and_pod() -> None:
    words = 'Internal error occurred: failed calling webhook "judge.example.org": connection refused'
    api = Refusing(ApiResponse(500, {"message": words, "reason": "InternalError"}))
    service = {"namespace": "tool", "name": "judge"}
    hook = {"name": "judge.example.org", "clientConfig": {"service": service}}
    hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    pod = {"metadata": {"name": "judge-1"}, "status": {"phase": "Pending", "containerStatuses": [{"state": waiting}]}}
    api.objects |= {
        hooks: {"items": [{"metadata": {"name": "judges"}, "webhooks": [hook]}]},
        "/api/v1/namespaces/tool/services/judge": {"spec": {"selector": {"app": "judge"}}},
        "/api/v1/namespaces/tool/pods?labelSelector=app%3Djudge": {"items": [pod]},
    }

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Apply(config_map()), context(api=api), 0.02)

    assert caught.value.why.endswith(
        "webhook judge.example.org (judges) asks Service tool/judge, Pod judge-1 is Pending (ImagePullBackOff)"
    )
