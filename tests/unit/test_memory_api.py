"""The API in memory does about owners of fields what a real API server does."""

from __future__ import annotations

from typing import Any

from tests.memory_api import MemoryApi, owners_of

PATH = "/api/v1/namespaces/kube-system/configmaps/x"
DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/d"


def config_map(**data: str) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(image: str, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": image, "args": ["a", "b"]}]
    metadata = {"name": "d", "namespace": "kube-system"}
    template = {"spec": {"containers": containers}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template, **spec}}


def test_who_applies_owns_what_was_applied_and_nothing_else() -> None:
    api = MemoryApi()
    api.apply(config_map(a="1"))
    api.edit(PATH, {"data": {"b": "2"}})

    stored = api.objects[PATH]
    assert stored["data"] == {"a": "1", "b": "2"}
    assert (owners_of(stored, "data", "a"), owners_of(stored, "data", "b")) == ({"bootstrap"}, {"kubectl-edit"})
    assert owners_of(stored, "metadata", "name") == set()


def test_a_field_that_somebody_changed_is_a_conflict_that_names_both() -> None:
    api = MemoryApi()
    api.apply(config_map(a="1", b="1"))
    api.edit(PATH, {"data": {"a": "theirs"}})

    answer = api.apply(config_map(a="1", b="2"), force=False)
    assert answer.status == 409
    assert answer.body["reason"] == "Conflict"
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using v1', "field": ".data.a"}
    assert answer.body["details"]["causes"] == [cause]
    assert api.objects[PATH]["data"] == {"a": "theirs", "b": "1"}


def test_force_takes_the_field_away() -> None:
    api = MemoryApi()
    api.apply(config_map(a="1"))
    api.edit(PATH, {"data": {"a": "theirs"}})
    api.apply(config_map(a="1"))

    assert api.objects[PATH]["data"] == {"a": "1"}
    assert owners_of(api.objects[PATH], "data", "a") == {"bootstrap"}


def test_the_same_value_is_shared_and_no_conflict() -> None:
    api = MemoryApi()
    api.apply(config_map(a="1"))
    answer = api.apply(config_map(a="1"), force=False, manager="other")

    assert answer.status == 200
    assert owners_of(api.objects[PATH], "data", "a") == {"bootstrap", "other"}


def test_what_is_not_applied_any_more_goes_unless_somebody_else_owns_it() -> None:
    api = MemoryApi()
    api.apply(config_map(a="1", b="1", c="1"))
    api.apply(config_map(b="1"), manager="other")
    api.apply(config_map(a="1"))

    assert api.objects[PATH]["data"] == {"a": "1", "b": "1"}


def test_a_second_apply_of_the_same_changes_no_version() -> None:
    api = MemoryApi()
    first = api.apply(config_map(a="1")).body["metadata"]["resourceVersion"]

    assert api.apply(config_map(a="1")).body["metadata"]["resourceVersion"] == first
    assert api.apply(config_map(a="2")).body["metadata"]["resourceVersion"] != first


def test_lists_with_names_are_merged_by_them() -> None:
    api = MemoryApi()
    api.apply(deployment("x:1", replicas=2))
    api.edit(DEPLOYMENT, {"spec": {"replicas": 5, "template": {"spec": {"containers": [{"name": "side"}]}}}})

    refused = api.apply(deployment("x:2", replicas=2), force=False)
    assert [cause["field"] for cause in refused.body["details"]["causes"]] == [".spec.replicas"]
    assert api.apply(deployment("x:2"), force=False).status == 200

    spec = api.objects[DEPLOYMENT]["spec"]
    assert [container["name"] for container in spec["template"]["spec"]["containers"]] == ["main", "side"]
    assert (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (5, "x:2")


def test_an_edit_of_a_list_without_names_is_one_of_the_whole_list() -> None:
    api = MemoryApi()
    api.apply(deployment("x:1"))
    edit = {"name": "main", "args": ["c"]}
    api.edit(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [edit]}}}})

    causes = api.apply(deployment("x:1"), force=False).body["details"]["causes"]
    assert [cause["field"] for cause in causes] == ['.spec.template.spec.containers[name="main"].args']


def test_what_was_created_belongs_to_who_created_it() -> None:
    api = MemoryApi()
    api.create(config_map(a="1"), manager="kubeadm")

    assert api.apply(config_map(a="2"), force=False).status == 409
    assert api.apply(config_map(a="1"), force=False).status == 200
