"""The patch directory and its three kinds of patches."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.model.errors import BootstrapError
from bootstrap.render.patch.directory import ignored, patched
from bootstrap.render.patch.jsonpatch import json_patch, merge_patch
from bootstrap.render.patch.strategic import strategic_merge

POD: dict[str, Any] = {
    "metadata": {"name": "etcd", "labels": {"a": "1"}},
    "spec": {
        "containers": [
            {
                "name": "etcd",
                "command": ["etcd", "--x=1"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 2381, "name": "probe-port"}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "hostPath": {"path": "/data"}}],
    },
}


def container(pod: Any) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def test_strategic_merges_by_name_and_replaces_plain_lists() -> None:
    patch = {
        "metadata": {"labels": {"a": None, "b": "2"}},
        "spec": {
            "containers": [
                {
                    "name": "etcd",
                    "command": ["etcd"],
                    "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
                    "ports": [{"containerPort": 2381, "hostPort": 1}],
                    "volumeMounts": [{"mountPath": "/data", "readOnly": True}],
                }
            ]
        },
    }
    result = strategic_merge(POD, patch)
    assert result["metadata"]["labels"] == {"b": "2"}
    assert container(result)["command"] == ["etcd"]
    assert container(result)["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "3"},
        {"name": "C", "value": "4"},
    ]
    assert container(result)["ports"] == [{"containerPort": 2381, "name": "probe-port", "hostPort": 1}]
    assert container(result)["volumeMounts"] == [{"name": "data", "mountPath": "/data", "readOnly": True}]
    assert POD["metadata"]["labels"] == {"a": "1"}, "the argument is not changed"


def test_strategic_directives() -> None:
    deleted = strategic_merge(
        POD, {"spec": {"containers": [{"name": "etcd", "env": [{"name": "A", "$patch": "delete"}]}]}}
    )
    assert container(deleted)["env"] == [{"name": "B", "value": "2"}]
    replaced = strategic_merge(POD, {"spec": {"volumes": [{"$patch": "replace"}, {"name": "new"}]}})
    assert replaced["spec"]["volumes"] == [{"name": "new"}]
    mapping = strategic_merge(POD, {"metadata": {"labels": {"$patch": "replace", "only": "this"}}})
    assert mapping["metadata"]["labels"] == {"only": "this"}


def test_strategic_needs_the_merge_key() -> None:
    with pytest.raises(ValueError, match="no mountPath"):
        strategic_merge(POD, {"spec": {"containers": [{"name": "etcd", "volumeMounts": [{"name": "data"}]}]}})


# RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        (["a"], ["c"], ["c"]),
        ({"a": "foo"}, "bar", "bar"),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(document: Any, patch: Any, result: Any) -> None:
    assert merge_patch(document, patch) == result


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2], "k/~": 0}),
        ({"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 2, 9], "k/~": 0}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2], "k/~": 0}),
        ({"op": "replace", "path": "/k~1~0", "value": 5}, {"a": [1, 2], "k/~": 5}),
        ({"op": "move", "from": "/a/0", "path": "/b"}, {"a": [2], "k/~": 0, "b": 1}),
        ({"op": "copy", "from": "/a", "path": "/b"}, {"a": [1, 2], "k/~": 0, "b": [1, 2]}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 2], "k/~": 0}),
        ({"op": "replace", "path": "", "value": 1}, 1),
    ],
)
def test_json_patch(operation: dict[str, Any], result: Any) -> None:
    assert json_patch({"a": [1, 2], "k/~": 0}, [operation]) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/a/7", "value": 1},
        {"op": "add", "path": "/a/3", "value": 1},
        {"op": "test", "path": "/a/0", "value": 2},
        {"op": "turn", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/b"},
    ],
)
def test_json_patch_that_does_not_fit(operation: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        json_patch({"a": [1, 2]}, [operation])


def test_file_names_say_target_order_and_kind() -> None:
    patches = {
        "etcd1+merge.yaml": b"metadata: {labels: {step: second}}",
        "etcd0.yaml": b"metadata: {labels: {step: first, zero: seen}}",
        "etcd2+json.json": b'[{"op": "add", "path": "/metadata/labels/json", "value": "seen"}]',
        "kube-scheduler.yaml": b"metadata: {labels: {step: never}}",
        "README.md": b"}{",
        "kube-dns.yaml": b"x: 1",
    }
    labels = patched("etcd", POD, patches)["metadata"]["labels"]
    assert labels == {"a": "1", "step": "second", "zero": "seen", "json": "seen"}
    assert ignored(patches) == ("README.md", "kube-dns.yaml")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("etcd+jsn.yaml", b"a: 1"),
        ("etcd+.yaml", b"a: 1"),
        ("etcd.yaml", b"a: [}"),
        ("etcd+json.yaml", b"- {op: remove, path: /missing}"),
    ],
)
def test_bad_patches_name_the_file(name: str, content: bytes) -> None:
    with pytest.raises(BootstrapError) as e:
        patched("etcd", POD, {name: content})
    assert name in e.value.what and e.value.why
