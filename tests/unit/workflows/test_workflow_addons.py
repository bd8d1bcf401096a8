"""Add-ons by what the user named: files of the host, recipes, what an earlier run has kept."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gen_docs import default_inputs

from bootstrap.config import Documents, Overrides, load, resolve
from bootstrap.model.addon import Addon, parse_source
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.images.mirrors import Endpoint, MirrorRule, Mirrors, Server
from bootstrap.model.runtime import NODE_RUNTIME
from bootstrap.phases.addons import addon_steps
from bootstrap.phases.images import Bundled
from bootstrap.preflight.checks import Preflight
from bootstrap.render.addons.foreign import kept_path
from bootstrap.render.addons.manifest import read_objects
from bootstrap.render.addons.recipes import recipe_of, with_values
from bootstrap.workflows.addons.read import read_addons
from bootstrap.workflows.init import Decision, addon_remarks
from tests.configs import changed
from tests.memory import MemoryHost
from tests.plans import planned

FACTS = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.1", True),))
MANIFESTS = {"recipes.yaml": (Path(__file__).parents[3] / "manifests" / "recipes.yaml").read_text()}
BODY = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"
DIGEST = hashlib.sha256(BODY).hexdigest()


def cluster(*addons: str, cni: str | None = None) -> ClusterConfig:
    return resolve(Documents(), Overrides(addon=addons, cni=cni), FACTS)


def read(*addons: str, cni: str | None = None, files: dict[str, bytes] | None = None) -> tuple[Addon, ...]:
    host = MemoryHost()
    for path, content in (files or {}).items():
        host.mkdir(path.rpartition("/")[0] or "/", 0o755)
        host.write(path, content, 0o644)
    return read_addons(host, cluster(*addons, cni=cni), MANIFESTS)


def test_files_are_read_from_the_host_the_network_first() -> None:
    files = {"/m/X_y.yml": BODY, "/m/z": BODY, "/m/net.yaml": BODY}
    found = read("/m/X_y.yml", f"z=/m/z#sha256={DIGEST}", cni="/m/net.yaml", files=files)

    assert [(a.name, a.origin, a.cni, a.recipe) for a in found] == [
        ("net", "/m/net.yaml", True, None),
        ("x-y", "/m/X_y.yml", False, None),
        ("z", "/m/z", False, None),
    ]


def test_a_recipe_is_used_where_its_name_is_given() -> None:
    by_name, by_path = (
        read(text, files={"/m/metrics-server.yaml": BODY})[0].recipe
        for text in ("metrics-server=/m/metrics-server.yaml", "/m/metrics-server.yaml")
    )

    assert by_name is not None
    assert by_path is None


def test_what_was_kept_needs_no_network() -> None:
    url = f"https://example.org/x.yaml#sha256={DIGEST}"
    found = read(url, files={kept_path("x"): BODY})

    assert found[0].content == BODY
    assert found[0].origin == "https://example.org/x.yaml"


@pytest.mark.parametrize(
    ("addon", "cni", "code", "said"),
    [
        ("/m/absent.yaml", None, Exit.CONFIG, "cannot read /m/absent.yaml"),
        ("metallbb", None, Exit.CONFIG, "did you mean metallb"),
        ("weave", None, Exit.CONFIG, "cannot be installed by name"),
        ("calico", None, Exit.CONFIG, "is for --cni"),
        ("/m/x.yaml", "metallb", Exit.CONFIG, "is for --addon"),
        ("/m/x.yaml#sha256=" + "0" * 64, None, Exit.IMAGE, "cannot be taken"),
    ],
)
def test_what_cannot_be_had_is_refused(addon: str, cni: str | None, code: Exit, said: str) -> None:
    with pytest.raises(BootstrapError, match=said) as refused:
        read(addon, cni=cni, files={"/m/x.yaml": BODY})

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("relative/x.yaml", "is not an add-on"),
        ("http://example.org/x.yaml", "is not an add-on"),
        ("https:///x.yaml", "is not an add-on"),
        ("/m/x.yaml#sha256=abc", "is not a sha256"),
        ("coredns=/m/x.yaml", "add-on of our own"),
        ("/m/flannel.yaml", "add-on of our own"),
        ("/m/…", "no name can be made"),
    ],
)
def test_what_is_no_source_says_so(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_source(text)


def test_problems_name_the_field_or_the_flag() -> None:
    document = b"apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\ncni: x.yaml\naddons: [/a/x.yaml]\n"
    with pytest.raises(BootstrapError) as refused:
        resolve(load(document), Overrides(addon=("/b/x.yaml",)), FACTS)

    said = "\n".join(refused.value.details)
    assert 'BootstrapConfiguration.cni: "x.yaml" is not an add-on' in said
    assert "--addon: another add-on is called x too" in said


def steps(content: bytes, *, wait: str = "dns", **fields: Any) -> dict[str, Any]:
    cfg = cluster()
    cfg = replace(cfg, own=replace(cfg.own, **fields))
    addons = tuple(Addon(name, f"/{name}", content) for name in ("one", "two"))
    return {step.id: step for step in addon_steps(cfg, FACTS, addons, wait).steps}


WORKLOAD = b"""
{apiVersion: example.org/v1, kind: Store, metadata: {name: x}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: stores.example.org}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {template: {spec: {containers: []}}}}
"""


def test_steps_are_in_order_and_one_add_on_after_the_other() -> None:
    found = steps(WORKLOAD)

    assert list(found)[:5] == [
        "addon/one/definitions",
        "addon/one/objects",
        "addon/one/resources",
        "addon/one",
        "addon/one/wait",
    ]
    assert "addon/one/definitions" in found["addon/one/objects"].after
    assert found["addon/one/resources"].after == ("addon/one/objects",)
    assert found["addon/two/definitions"].after == ("addon/one",)
    assert [w.title for w in found["addon/one/definitions"].waits] == ["stores.example.org served"]


@pytest.mark.parametrize("fields", [{"cni": "none"}, {"wait": "node"}])
def test_nobody_waits_for_pods_that_cannot_run_or_that_nobody_asked_for(fields: dict[str, Any]) -> None:
    assert "addon/one/wait" not in steps(WORKLOAD, **fields)


def plan(*addons: Addon, cni: str = "flannel", **fields: Any) -> dict[str, Any]:
    inputs = default_inputs()
    cfg = inputs[0].cfg
    cfg = replace(cfg, own=replace(cfg.own, cni=cni, mirrors=fields.pop("mirrors", Mirrors())))
    return {step.id: step for step in planned(inputs, cfg=cfg, addons=addons, **fields).steps}


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({}, "Always"),
        ({"bundled": Bundled((), ("docker.io/library/x:latest",))}, "IfNotPresent"),
        ({"mirrors": Mirrors((MirrorRule("ghcr.io", (Endpoint(Server("mirror.example")),)),))}, "IfNotPresent"),
    ],
)
def test_what_is_brought_in_is_not_asked_for_again(fields: dict[str, Any], policy: str) -> None:
    body = WORKLOAD.replace(b"containers: []", b"containers: [{name: x, image: x, imagePullPolicy: Always}]")
    (applied,) = plan(Addon("one", "/one", body), **fields)["addon/one/objects"].effects

    assert applied.body["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_in_the_plan_pods_are_waited_for_when_the_node_is_ready() -> None:
    found = plan(Addon("one", "/one", WORKLOAD))

    assert set(found["addon/one/wait"].after) >= {"addon/one", "node-ready", "addon/kube-proxy/wait"}
    assert found["addon/one/definitions"].after == ("wait-control-plane/apiserver",)


def test_another_pod_network_takes_the_place_of_flannel() -> None:
    found = plan(Addon("net", "/net", WORKLOAD, cni=True), cni="/net")

    assert not [step for step in found if "flannel" in step]
    assert "addon/net" in found["node-ready"].after
    assert "node-ready" in found["addon/coredns/wait"].after
    assert "node-ready" in found["addon/net/wait"].after


def test_a_phase_of_an_add_on_can_be_skipped_or_run_alone() -> None:
    inputs = default_inputs()
    cfg = changed(inputs[0].cfg, skip_phases=("addon/one",))
    skipping = planned(inputs, cfg=cfg, addons=(Addon("one", "/1", WORKLOAD),))

    assert not [step.id for step in skipping.steps if step.id.startswith("addon/one")]


def test_a_directory_and_several_files_are_one_add_on() -> None:
    files = {"/m/b.yml": BODY, "/m/a.json": BODY, "/m/README": b"no", "/m/deep/c.yaml": BODY, "/n/d.yaml": BODY}
    directory, several = read("/m", "more=/n/d.yaml,/m/b.yml", files=files)

    assert (directory.name, [path for path, _ in directory.files]) == ("m", ["/m/a.json", "/m/b.yml"])
    assert (several.name, [path for path, _ in several.files]) == ("more", ["/n/d.yaml", "/m/b.yml"])
    assert len(read_objects("m", directory.content)) == 1


@pytest.mark.parametrize(
    ("files", "said", "fix"),
    [
        ({"/m/README": b""}, "a directory without a manifest", "give the directory with the files"),
        ({"/m/kustomization.yaml": b"", "/m/x.yaml": BODY}, "holds kustomization.yaml", "kubectl kustomize /m > FILE"),
        ({"/m/Chart.yaml": b"", "/m/values.yaml": b""}, "holds Chart.yaml", "helm template NAME /m > FILE"),
    ],
)
def test_a_directory_of_something_else_says_what_to_give(files: dict[str, bytes], said: str, fix: str) -> None:
    with pytest.raises(BootstrapError, match=said) as refused:
        read("/m/", files=files)

    assert refused.value.code == Exit.CONFIG
    assert fix in refused.value.fix


def test_a_namespace_is_given_with_the_name() -> None:
    source = parse_source("tool@its-own=/m/a.yaml,/m/b.yaml")

    assert (source.name, source.namespace, source.paths) == ("tool", "its-own", ("/m/a.yaml", "/m/b.yaml"))
    assert read("tool@its-own=/m/a.yaml", files={"/m/a.yaml": BODY})[0].namespace == "its-own"


@pytest.mark.parametrize(
    ("text", "said"),
    [("tool@A_b=/m/x.yaml", "not the name of a namespace"), ("x=/a,/b#sha256=" + DIGEST, "a digest is of one file")],
)
def test_a_namespace_and_a_digest_have_to_fit(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_source(text)


@pytest.mark.parametrize(
    ("name", "instead"), [("romana", "kube-router"), ("contrail", "calico"), ("tungsten-fabric", "calico")]
)
def test_a_network_that_upstream_has_left_is_said_to_be_so(name: str, instead: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        recipe_of(MANIFESTS, name)

    assert caught.value.code == 3
    assert instead in caught.value.why


def test_the_storage_class_of_local_path_is_the_default_one() -> None:
    body = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local-path", "annotations": {"a": "b"}},
        "provisioner": "rancher.io/local-path",
    }
    recipe = recipe_of(MANIFESTS, "local-path-provisioner")
    cfg = ClusterConfig(node=NodeSpec("n", api=ApiEndpoint("192.0.2.1")))

    (changed,) = with_values((body,), recipe, cfg, NODE_RUNTIME)
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert changed["metadata"]["annotations"] == {"a": "b", **default}


def test_preflight_knows_what_a_manifest_cannot_do() -> None:
    host = MemoryHost()
    host.mkdir("/m", 0o755)
    host.write("/m/x.yaml", b"{apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {name: old}}", 0o644)
    decision = Decision(cluster("/m/x.yaml"), FACTS, Preflight(()), resumed=False)

    with pytest.raises(BootstrapError) as refused:
        addon_remarks(host, decision, MANIFESTS)
    assert "old: policy/v1beta1 PodSecurityPolicy is gone since Kubernetes 1.25" in refused.value.details[0]
    host.write("/m/x.yaml", BODY, 0o644)
    assert addon_remarks(host, decision, MANIFESTS) == ()
