"""Objects of any kind: where they live is asked of the API server."""

from __future__ import annotations

from typing import Any

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.effects.api_objects import same_fields
from bootstrap.engine.objects.kinds import located
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import ApiResponse
from bootstrap.model.effects import Apply
from tests.memory import MemoryHost
from tests.unit.engine.fakes import MemoryApi

SERVED: dict[str, Any] = {
    "/apis/example.org/v1": {
        "resources": [
            {"name": "stores/status", "kind": "Store", "namespaced": True},
            {"name": "stores", "kind": "Store", "namespaced": True},
            {"name": "policies", "kind": "Policy", "namespaced": False},
        ]
    },
    "/api/v1": {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]},
}


def effect(version: str, kind: str, **metadata: str) -> Apply:
    return Apply({"apiVersion": version, "kind": kind, "metadata": {"name": "x", **metadata}}, discover=True)


def where(wanted: Apply) -> str | None:
    found = located(wanted, SERVED.get)
    return found[0] if found else None


def test_the_plural_is_the_servers() -> None:
    assert where(effect("example.org/v1", "Policy")) == "/apis/example.org/v1/policies/x"
    assert where(effect("v1", "ConfigMap", namespace="n")) == "/api/v1/namespaces/n/configmaps/x"


def test_an_object_that_names_no_namespace_is_in_the_default_one() -> None:
    found = located(effect("example.org/v1", "Store"), SERVED.get)

    assert found
    assert found[0] == "/apis/example.org/v1/namespaces/default/stores/x"
    assert found[1]["metadata"] == {"name": "x", "namespace": "default"}


def test_a_namespace_that_cannot_be_is_dropped() -> None:
    found = located(effect("example.org/v1", "Policy", namespace="n"), SERVED.get)

    assert found
    assert found[1]["metadata"] == {"name": "x"}


def test_a_kind_that_is_not_served_is_nowhere() -> None:
    assert where(effect("example.org/v1", "Other")) is None
    assert where(effect("example.com/v1", "Store")) is None


def test_fields_that_say_nothing_count_as_there() -> None:
    wanted = {"spec": {"size": 3, "keep": False, "names": []}}

    assert same_fields(wanted, {"spec": {"size": 2, "more": 1}}) == {"spec": {"size": 2, "keep": False, "names": []}}


def test_who_owns_a_field_is_no_change() -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
    before, after = (
        {
            **body,
            "status": {"phase": version},
            "metadata": {"name": "x", "resourceVersion": version, "managedFields": []},
        }
        for version in ("1", "2")
    )
    api = MemoryApi(ApiResponse(200, before), ApiResponse(200, after))
    context = RunContext(MemoryHost(), lambda: api, lambda url: (0, ""), "init")

    assert apply_effect(Apply(body), context, 1) == ""
