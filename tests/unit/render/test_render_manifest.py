"""Manifests of add-ons: read, put into order, searched for images, fitted to the cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.model.addon import Addon, Recipe
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.images.mirrors import Endpoint, MirrorRule, Mirrors, Server
from bootstrap.model.runtime import HOST_RUNTIME
from bootstrap.render.addons.foreign import objects_of
from bootstrap.render.addons.manifest import read_objects, waves
from bootstrap.render.addons.manifest_images import asked_for_only_if_absent, images_of, renamed
from tests.configs import changed
from tests.unit.render.samples_addons import NETWORK, OPERATOR

NODE = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.1", True),))
HOST = replace(NODE, mode="host")
DIGEST = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


def cluster(facts: HostFacts, **fields: Any) -> ClusterConfig:
    cfg = resolve(Documents(), Overrides(), facts)
    return replace(cfg, own=replace(BootstrapConfig(), **fields))


def test_definitions_come_first_and_what_they_define_last() -> None:
    found = waves(read_objects("stores", OPERATOR))

    assert [b["kind"] for b in found.definitions] == ["CustomResourceDefinition"]
    assert [b["kind"] for b in found.ordinary] == [
        "Namespace",
        "ServiceAccount",
        "ConfigMap",
        "Service",
        "Deployment",
        "CronJob",
        "ValidatingWebhookConfiguration",
    ]
    assert [b["kind"] for b in found.custom] == ["Store"]
    assert [b["metadata"]["name"] for b in found.workloads] == ["operator"]


def test_a_workload_without_replicas_is_not_waited_for() -> None:
    text = OPERATOR.replace(b"replicas: 1", b"replicas: 0")

    assert waves(read_objects("stores", text)).workloads == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no objects"),
        (b"a: [", "not YAML"),
        (b"- 1", "is not a mapping"),
        (b"kind: Pod", "has no apiVersion"),
        (b"apiVersion: v1\nkind: Pod", "Pod has no metadata.name"),
        (b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}", "no spec that can be read"),
        (b"apiVersion: v1\nkind: List\nitems: [1]", "is not a mapping"),
        (
            b"a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + b"".join(
                b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a" + (b"%d" % (i - 1) if i else b"")] * 10))
                for i in range(9)
            ),
            "more than",
        ),
        (b"<html><body>404</body></html>", "is not a mapping"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_reason(text: bytes, said: str) -> None:
    with pytest.raises(BootstrapError) as refused:
        read_objects("x", text)

    assert refused.value.code == Exit.CONFIG
    assert said in "\n".join(refused.value.details)


def test_images_are_found_wherever_they_are_named() -> None:
    found = set(images_of(read_objects("stores", OPERATOR), config_maps=False))

    assert found == {
        "quay.io/stores/engine:v3",
        "quay.io/stores/client:v3",
        "quay.io/stores/prepare:v1",
        f"quay.io/stores/operator@{DIGEST}",
        "quay.io/stores/reloader:v2",
        "quay.io/stores/sidecar:v2",
        "docker.io/stores/proxy:v4",
        "quay.io/stores/data:v1",
        "docker.io/library/busybox:latest",
    }


def test_config_maps_are_searched_only_when_told() -> None:
    objects = read_objects("stores", OPERATOR)
    more = set(images_of(objects, config_maps=True)) - set(images_of(objects, config_maps=False))

    assert more == {"quay.io/stores/plugin:v1", "docker.io/library/busybox:1.37"}


def test_names_stay_unless_a_rule_says_that_they_change() -> None:
    endpoint = Endpoint(Server("mirror.example:5000"), "up/quay", rewrites=(("stores", "shop"),))
    rule = MirrorRule("quay.io", (endpoint,))

    assert renamed(Mirrors((rule,)), "quay.io/stores/engine:v3") == "quay.io/stores/engine:v3"
    mirrors = Mirrors((replace(rule, rename=True),))
    assert renamed(mirrors, "quay.io/stores/engine:v3") == "mirror.example:5000/up/quay/shop/engine:v3"
    assert renamed(mirrors, f"quay.io/other/x@{DIGEST}") == f"mirror.example:5000/up/quay/other/x@{DIGEST}"
    assert renamed(mirrors, "busybox") == "busybox"


def test_all_places_get_the_other_name() -> None:
    rule = MirrorRule("quay.io", (Endpoint(Server("m.example"), flatten=True),), rename=True)
    cfg = cluster(NODE, mirrors=Mirrors((rule,)), images_in_config_maps=True)
    text = str(objects_of(Addon("stores", "/s.yaml", OPERATOR), cfg, NODE))

    assert "quay.io/stores/default:v1" in text, "a schema's default is not an image in use"
    assert "'--config=no/image:v1'" in text
    assert text.count("quay.io/") == 1
    assert "'--reloader-image=m.example/reloader:v2'" in text
    assert "m.example/plugin:v1" in text


def network(cfg: ClusterConfig, facts: HostFacts, *, cni: bool = True, recipe: Recipe | None = None) -> Any:
    addon = Addon("net", "/net.yaml", NETWORK, recipe, cni)
    return {body["kind"]: body for body in objects_of(addon, cfg, facts)}


@pytest.mark.parametrize(
    ("container", "policy"),
    [
        ({"image": "example.org/a:1", "imagePullPolicy": "Always"}, "IfNotPresent"),
        ({"image": "example.org/a"}, "IfNotPresent"),
        ({"image": "example.org/a:latest"}, "IfNotPresent"),
        ({"image": "example.org/a:1"}, None),
        ({"image": f"example.org/a@sha256:{64 * '0'}"}, None),
        ({"image": "example.org/a", "imagePullPolicy": "Never"}, "Never"),
    ],
)
def test_who_has_an_image_does_not_ask_for_it(container: dict[str, Any], policy: str | None) -> None:
    body = {"kind": "Pod", "spec": {"initContainers": [container], "containers": []}}
    (found,) = asked_for_only_if_absent(body)["spec"]["initContainers"]

    assert found.get("imagePullPolicy") == policy


def test_a_pod_network_writes_where_our_runtime_reads() -> None:
    cfg = cluster(HOST)
    assert cfg.node.cri_socket == HOST_RUNTIME.socket
    pod = network(cfg, HOST)["DaemonSet"]["spec"]["template"]["spec"]
    install, agent = pod["initContainers"][0], pod["containers"][0]

    assert [v["hostPath"]["path"] for v in pod["volumes"]] == [HOST_RUNTIME.cni_bin, HOST_RUNTIME.cni_conf, "/proc"]
    assert pod["volumes"][1]["hostPath"]["type"] == "DirectoryOrCreate"
    assert [e["value"] for e in install["env"]] == [HOST_RUNTIME.cni_conf, "/host/opt/cni/bin"]
    assert [e["value"] for e in agent["env"][:2]] == ["/etc/cni/net.d/10-net.conflist", "/etc/cni/net.d"]


@pytest.mark.parametrize(("facts", "cni"), [(NODE, True), (HOST, False)])
def test_elsewhere_paths_stay(facts: HostFacts, cni: bool) -> None:
    pod = network(cluster(facts), facts, cni=cni)["DaemonSet"]["spec"]["template"]["spec"]

    assert [v["hostPath"]["path"] for v in pod["volumes"]] == ["/opt/cni/bin", "/etc/cni/net.d", "/proc"]


def test_a_recipe_sets_the_clusters_values() -> None:
    agent = {"kind": "DaemonSet", "name": "net-node", "container": "agent"}
    recipe = Recipe(
        "net",
        "a network",
        values=(
            {**agent, "env": {"POOL": "${POD_CIDR}"}, "args": ["--api=${API_HOST}:${API_PORT}"]},
            {"kind": "ConfigMap", "name": "net", "replace": {"10.244.0.0/16": "${POD_CIDR}"}},
        ),
    )
    cfg = changed(cluster(NODE), networking=replace(cluster(NODE).cluster.networking, pod_subnet="10.9.0.0/16"))
    found = network(cfg, NODE, recipe=recipe)
    container = found["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]

    assert [e for e in container["env"] if e["name"] == "POOL"] == [{"name": "POOL", "value": "10.9.0.0/16"}]
    assert container["args"] == ["--api=192.0.2.1:6443"]
    assert found["ConfigMap"]["data"]["net-conf.json"] == '{"Network": "10.9.0.0/16"}'


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "DaemonSet", "name": "other", "container": "agent", "env": {"A": "b"}},
        {"kind": "DaemonSet", "name": "net-node", "container": "other", "env": {"A": "b"}},
        {"kind": "ConfigMap", "name": "net", "replace": {"10.0.0.0/8": "x"}},
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(BootstrapError, match="does not fit") as refused:
        network(cluster(NODE), NODE, recipe=Recipe("net", "a network", values=(value,)))

    assert refused.value.code == Exit.CONFIG
