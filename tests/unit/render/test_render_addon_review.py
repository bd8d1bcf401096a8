"""What is said about add-ons before anything is written: what others wrote and kubectl takes, and what never works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gen_docs import default_inputs

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.model.addon import Addon, Recipe
from bootstrap.model.cluster import Arg, ClusterConfig, Component
from bootstrap.model.components.tables import recorded
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.render.addons.builtin import coredns, flannel, kube_proxy
from bootstrap.render.addons.foreign import objects_of
from bootstrap.render.addons.kinds import removed
from bootstrap.render.addons.manifest import read_manifest, read_objects
from bootstrap.render.addons.manifest_images import images_of
from bootstrap.render.addons.references import missing
from bootstrap.render.addons.review import review
from bootstrap.render.addons.unseen import unseen
from tests.configs import changed
from tests.unit.render.samples_addons import NETWORK, OPERATOR

FACTS = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.1", True),))
ACCOUNT = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: tool}}\n---\n"
NAMESPACE = "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: tool}}\n"
BINDING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: tool}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: tool, namespace: tool}]
"""


def cluster(**flags: Any) -> ClusterConfig:
    return resolve(Documents(), Overrides(**flags), FACTS)


def said(text: str, also: str = NAMESPACE) -> tuple[str, ...]:
    return review((Addon("tool", "/m/tool.yaml", (text + also).encode()),), cluster(), FACTS)


def refused(text: str, cfg: ClusterConfig | None = None, **addon: Any) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        review((Addon("tool", "/m/tool.yaml", text.encode(), **addon),), cfg or cluster(), FACTS)
    assert caught.value.code == Exit.CONFIG
    return caught.value


def test_keys_given_twice_are_applied_with_one_remark_of_all_places() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  labels:\n    app: a\n    app: b\n  name: x\n"

    (remark,) = said(text)
    assert remark == (
        "tool: 2 keys are given more than once, the last counts: "
        'line 7, column 5: "app" is given twice; first in line 6, column 5; '
        'line 8, column 3: "name" is given twice; first in line 4, column 3'
    )
    assert read_objects("x", text.encode())[0]["metadata"]["labels"] == {"app": "b"}


def test_an_object_given_twice_counts_once() -> None:
    one, other = (f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: x}}, data: {{a: '{n}'}}}}" for n in (1, 2))

    assert read_manifest("x", (("", f"{one}\n---\n{one}".encode()),)).remarks == ()
    found = read_manifest("x", (("", f"{one}\n---\n{other}".encode()),))
    assert found.remarks == ("ConfigMap x is in it twice, and the last one counts",)
    assert [body["data"] for body in found.objects] == [{"a": "2"}]


def test_problems_of_several_files_name_the_file() -> None:
    with pytest.raises(BootstrapError) as caught:
        read_manifest("x", (("/m/a.yaml", b"a: ["), ("/m/b.yaml", b"a: 1"), ("/m/c.yaml", b"")))

    assert [line.partition(": ")[0] for line in caught.value.details] == ["/m/a.yaml", "/m/b.yaml"]


@pytest.mark.parametrize(
    ("version", "kind", "since", "instead"),
    [
        ("policy/v1beta1", "PodSecurityPolicy", "1.25", "pod-security.kubernetes.io"),
        ("extensions/v1beta1", "DaemonSet", "1.16", "apps/v1"),
        ("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1"),
        ("apps/v1beta2", "StatefulSet", "1.16", "apps/v1"),
        ("batch/v1beta1", "CronJob", "1.25", "batch/v1"),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.22", "apiextensions.k8s.io/v1"),
        ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", "1.22", "rbac.authorization.k8s.io/v1"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "autoscaling/v2"),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "1.32", "flowcontrol.apiserver.k8s.io/v1"),
    ],
)
def test_kinds_that_are_gone_are_named_with_what_to_use(version: str, kind: str, since: str, instead: str) -> None:
    error = refused(f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}}}")

    assert f"x: {version} {kind} is gone since Kubernetes {since}: use " in error.details[0]
    assert instead in error.details[0]


def test_all_that_is_gone_is_named_at_once() -> None:
    gone = "{apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {name: x}}\n---\n"
    error = refused(gone + "{apiVersion: extensions/v1beta1, kind: DaemonSet, metadata: {name: y}}")

    assert len(error.details) == 2


def test_what_is_served_is_not_gone() -> None:
    assert not removed({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"})
    assert not removed({"apiVersion": "resource.k8s.io/v1beta1", "kind": "ResourceClaim"})  # runtime-config decides
    assert not removed({"apiVersion": "example.org/v1beta1", "kind": "Ingress"})


def test_what_nobody_ever_knew_is_not_waited_for() -> None:
    assert refused("{apiVersion: apps/v1, kind: DeamonSet, metadata: {name: x}}").details == (
        "object 1: x: apps/v1 DeamonSet is not known to Kubernetes 1.37",
    )
    assert removed({"apiVersion": "apps/v1", "kind": "Ingress"}).endswith(": use networking.k8s.io/v1 Ingress")


def test_a_manifest_meant_for_a_namespace_is_refused_with_the_way() -> None:
    error = refused(ACCOUNT + BINDING)

    assert error.fix == "name it: --addon tool@tool=/m/tool.yaml"
    assert error.details == (
        "ClusterRoleBinding tool names ServiceAccount tool/tool, which nothing here makes; "
        "there is a ServiceAccount tool, but no namespace is written there, so it goes to default",
    )


def test_a_namespace_given_is_that_of_all_objects_that_name_none() -> None:
    text = ACCOUNT + BINDING + "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: kube-public}}"
    addon = Addon("tool", "/m/tool.yaml", text.encode(), namespace="tool")

    found = {(b["kind"], b["metadata"].get("namespace", "")) for b in objects_of(addon, cluster(), FACTS)}
    assert found == {
        ("Namespace", ""),
        ("ServiceAccount", "tool"),
        ("ClusterRoleBinding", ""),
        ("ConfigMap", "kube-public"),
    }
    assert review((addon,), cluster(), FACTS) == ()


def test_kinds_of_an_add_on_may_be_in_no_namespace() -> None:
    text = b"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wides.example.org}
spec: {group: example.org, scope: Cluster, names: {kind: Wide}}
---
{apiVersion: example.org/v1, kind: Wide, metadata: {name: wide}}
---
{apiVersion: example.org/v1, kind: Narrow, metadata: {name: narrow}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: tool}}
"""
    objects = objects_of(Addon("tool", "/t", text, namespace="tool"), cluster(), FACTS)

    assert {b["kind"]: b["metadata"].get("namespace") for b in objects} == {
        "CustomResourceDefinition": None,
        "Wide": None,
        "Narrow": "tool",
        "Namespace": None,
    }


POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: d, namespace: tool}}
spec:
  template:
    spec: {{containers: [{{name: c, image: x, {container}}}], {pod}}}
"""


@pytest.mark.parametrize(
    ("container", "pod", "what"),
    [
        ("", "serviceAccountName: a", "ServiceAccount tool/a"),
        ("", "volumes: [{name: v, configMap: {name: a}}]", "ConfigMap tool/a"),
        ("", "volumes: [{name: v, secret: {secretName: a}}]", "Secret tool/a"),
        ("", "volumes: [{name: v, projected: {sources: [{secret: {name: a}}]}}]", "Secret tool/a"),
        ("", "volumes: [{name: v, persistentVolumeClaim: {claimName: a}}]", "PersistentVolumeClaim tool/a"),
        ("envFrom: [{configMapRef: {name: a}}]", "", "ConfigMap tool/a"),
        ("env: [{name: E, valueFrom: {secretKeyRef: {name: a, key: k}}}]", "", "Secret tool/a"),
    ],
)
def test_what_pods_name_and_nobody_makes_is_said(container: str, pod: str, what: str) -> None:
    (remark,) = said(POD.format(container=container, pod=pod))

    assert remark == f"tool: Deployment d names {what}, which nothing here makes"


@pytest.mark.parametrize(
    ("container", "pod"),
    [
        ("envFrom: [{configMapRef: {name: a, optional: true}}]", ""),
        ("", "volumes: [{name: v, configMap: {name: kube-root-ca.crt}}]"),
        ("args: [--certificate-secret=a]", "volumes: [{name: v, secret: {secretName: a}}]"),
        ("", "serviceAccountName: default"),
    ],
)
def test_what_need_not_be_made_is_not(container: str, pod: str) -> None:
    assert said(POD.format(container=container, pod=pod)) == ()


def test_another_add_on_may_make_it() -> None:
    binding = Addon("tool", "/t", BINDING.encode())
    account = Addon("base", "/b", (ACCOUNT.replace("name: tool", "name: tool, namespace: tool") + NAMESPACE).encode())

    assert review((binding, account), cluster(), FACTS) == ()
    assert len(review((binding,), cluster(), FACTS)) == 1


def test_a_webhook_and_an_aggregated_api_name_their_services() -> None:
    service = "{apiVersion: v1, kind: Service, metadata: {name: s}}\n---\n"
    hook = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks: [{name: a.example.org, clientConfig: {service: {name: s, namespace: tool}}}]
"""
    api = """
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: a}
spec: {service: {name: s, namespace: tool}}
"""

    assert "tool@tool=" in refused(service + hook).fix
    assert "tool@tool=" in refused(service + api).fix
    assert said(hook) == ("tool: ValidatingWebhookConfiguration hook names Service tool/s, which nothing here makes",)


def test_a_kind_that_nobody_defines_is_said() -> None:
    assert said("{apiVersion: example.org/v1, kind: Store, metadata: {name: x}}") == (
        "tool: no add-on defines the kind example.org/v1 Store; it is waited for",
    )


def test_manifests_that_work_get_no_remark() -> None:
    inputs = default_inputs()
    cfg, facts, texts = inputs[0].cfg, inputs[0].facts, inputs[2].manifests
    for objects in (kube_proxy(cfg, facts, texts, {}), coredns(cfg, facts, texts, {}), flannel(cfg, facts, texts)):
        assert missing(objects) == ()
    for path in sorted((Path(__file__).parents[2] / "e2e" / "addons").glob("*.yaml")):
        assert said(path.read_text()) == (), path


@pytest.mark.parametrize(
    ("manifest", "cidr", "wrong"),
    [
        (NETWORK.decode(), "10.42.0.0/16", "10.244.0.0/16"),
        ("{apiVersion: crd.projectcalico.org/v1, kind: IPPool, metadata: {name: p}, spec: {cidr: 192.168.0.0/16}}",
         "10.42.0.0/16", "192.168.0.0/16"),
        (POD.format(container="env: [{name: CALICO_IPV4POOL_CIDR, value: 172.16.0.0/16}]", pod=""),
         "10.42.0.0/16", "172.16.0.0/16"),
        (POD.format(container="args: [--cluster-cidr=172.16.0.0/16]", pod=""), "10.42.0.0/16", "172.16.0.0/16"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {cluster-pool-ipv4-cidr: 10.0.0.0/16}}",
         "10.42.0.0/16", "10.0.0.0/16"),
    ],
)  # fmt: skip
def test_a_pod_network_of_another_range_is_refused_with_both(manifest: str, cidr: str, wrong: str) -> None:
    error = refused(manifest, cluster(pod_network_cidr=cidr), cni=True)

    assert wrong in error.details[0]
    assert cidr in error.details[0]
    assert wrong in error.fix
    assert "172" not in " ".join(
        review((Addon("tool", "/t", manifest.encode(), cni=True),), cluster(pod_network_cidr=wrong), FACTS)
    )


def test_a_recipe_sets_the_range() -> None:
    value = {"kind": "ConfigMap", "name": "net", "replace": {"10.244.0.0/16": "${POD_CIDR}"}}
    addon = Addon("net", "/n", NETWORK, Recipe("net", "", values=(value,)), cni=True)

    assert review((addon,), cluster(pod_network_cidr="10.42.0.0/16"), FACTS) == ()


def test_images_are_known_by_their_form() -> None:
    container = "args: ['--reloader=quay.example.test/team/reloader:v1', 'run localhost:5000/a:2;b'], "
    container += "command: [sh, -c, 'use ghcr.example.test/x@sha256:" + 64 * "0" + "'], "
    container += "env: [{name: SIDECAR, value: 'a=reg.example.test/s:1,b=reg.example.test/t:2'}]"
    text = (
        POD.format(container=container, pod="")
        + """
---
apiVersion: example.org/v1
kind: Store
metadata: {name: s}
spec:
  engine: reg.example.test/engine:3
  list: [reg.example.test/more:4]
  note: "see reg.example.test/no:5"
  path: /a/b:c
"""
    )
    assert set(images_of(read_objects("x", text.encode()), config_maps=False)) == {
        "docker.io/library/x:latest",
        "quay.example.test/team/reloader:v1",
        "localhost:5000/a:2",
        "ghcr.example.test/x@sha256:" + 64 * "0",
        "reg.example.test/s:1",
        "reg.example.test/t:2",
        "reg.example.test/engine:3",
        "reg.example.test/more:4",
    }


@pytest.mark.parametrize(
    "word",
    ["--listen=0.0.0.0:80", "--url=https://example.test/x:1", "--peer=host.example.test:443", "a/b:c", "--x=key:value",
     "/etc/x.d/y:ro", "10.0.0.0/8", "user@host.example.test:/path", "--x=example.test/path"],
)  # fmt: skip
def test_other_words_are_no_images(word: str) -> None:
    text = POD.format(container=f"args: ['{word}']", pod="")

    assert images_of(read_objects("x", text.encode()), config_maps=False) == ("docker.io/library/x:latest",)


def test_what_cannot_be_seen_is_said() -> None:
    role = """---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: operator}
rules:
  - {apiGroups: [""], resources: [pods, services], verbs: [get, create]}
  - {apiGroups: [apps], resources: ["*"], verbs: [get]}
"""
    addon = Addon("stores", "/s.yaml", OPERATOR + role.encode())
    cfg = cluster()

    assert unseen((addon,), cfg, FACTS) == (
        "stores: ConfigMap settings names quay.io/stores/plugin:v1, docker.io/library/busybox:1.37: left out; "
        "imagesInConfigMaps: true takes them",
        "stores: ClusterRole operator lets its programs make pods: "
        "images of Pods that they start are not in the manifest",
    )
    searched = replace(cfg, own=replace(cfg.own, images_in_config_maps=True))
    assert len(unseen((addon,), searched, FACTS)) == 1


def test_the_data_of_a_secret_is_what_its_texts_become() -> None:
    text = b"{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: x}, data: {a: eQ==, b: eQ==}}"
    (secret,) = objects_of(Addon("tool", "/t", text), cluster(), FACTS)

    assert secret["data"] == {"a": "eA==", "b": "eQ=="}
    assert "stringData" not in secret


def test_a_namespace_that_nobody_makes_is_said() -> None:
    body = "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: tool}}"

    assert said(body, "") == ("tool: nothing here makes the Namespace tool that objects are in",)
    assert said(body) == ()
    assert said(body.replace("tool", "kube-system"), "") == ()


def test_a_kind_that_is_off_has_to_be_turned_on() -> None:
    version, kinds = next(iter(recorded.OFF.items()))
    body = f"{{apiVersion: {version}, kind: {kinds.split()[0]}, metadata: {{name: x}}}}"

    assert f"{{name: runtime-config, value: {version}=true}}" in refused(body).fix
    on = changed(cluster(), api_server=Component(extra_args=(Arg("runtime-config", f"{version}=true"),)))
    assert review((Addon("tool", "/t", body.encode()),), on, FACTS) == ()
