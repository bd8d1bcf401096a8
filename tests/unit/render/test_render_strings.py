"""Strings of a configuration are the same strings in every rendered document, as Kubernetes reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.config import Overrides, dump, load, resolve, to_cluster_configuration
from bootstrap.formats.yaml_reader import WRITTEN, parse, parse_one
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.model.facts import Address, HostFacts
from bootstrap.render.addons import builtin
from bootstrap.render.cluster import objects
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.render.node.kubelet import kubelet_files
from tests.golden.rendered import FixedKeySource, api_objects, files, manifests
from tests.unit.formats.nasty import WORDS

FACTS = HostFacts(mode="host", hostname="n1", addresses=(Address("eth0", "192.0.2.10", default=True),))
NOW = datetime(2026, 1, 2, tzinfo=UTC)
STRINGS = [word for word in WORDS if "\0" not in word]


def configured(text: str) -> ClusterConfig:
    """The configuration with `text` in every place that takes any string."""
    given = [{"name": "value", "value": text}]
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": [{"name": "external-hostname", "value": text}], "extraEnvs": given},
            "etcd": {"local": {"extraEnvs": given}},
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "systemReserved": {"memory": text},
            "staticPodURLHeader": {text: [text]},
        },
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "hostnameOverride": text,
        },
    ]
    token = "abcdef.0123456789abcdef"  # noqa: S105 - of the documentation
    return resolve(load(to_yaml(*documents).encode()), Overrides(token=token), FACTS)


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_stays_the_same_string(text: str) -> None:
    cfg = configured(text)
    pods = {pod["metadata"]["name"]: pod for pod in (parse_one(f.content) for f in static_pods(cfg, FACTS, {}))}
    by_path = {f.path: f.content for f in kubelet_files(cfg, FACTS, {}) if isinstance(f, File)}
    kubelet = parse_one(by_path[names.KUBELET_CONFIG])
    stored = parse_one(objects.kubeadm_config(to_cluster_configuration(cfg))[0]["data"]["ClusterConfiguration"])
    shared = parse_one(objects.kubelet_config(cfg)[0]["data"]["kubelet"])
    proxy = next(o for o in builtin.kube_proxy(cfg, FACTS, manifests(), {}) if o["kind"] == "ConfigMap")

    for component in ("kube-apiserver", "etcd"):
        container = pods[component]["spec"]["containers"][0]
        assert {"name": "value", "value": text} in container["env"]
    assert f"--external-hostname={text}" in pods["kube-apiserver"]["spec"]["containers"][0]["command"]
    assert {"name": "external-hostname", "value": text} in stored["apiServer"]["extraArgs"]
    assert {"name": "value", "value": text} in stored["apiServer"]["extraEnvs"]
    assert kubelet["systemReserved"] == shared["systemReserved"] == {"memory": text}
    assert kubelet["staticPodURLHeader"] == {text: [text]}
    assert parse_one(proxy["data"]["config.conf"]).get("hostnameOverride", "") == text
    again = resolve(load(dump(cfg).encode()), Overrides(), FACTS)
    assert again.cluster.api_server == cfg.cluster.api_server
    assert again.cluster.kubelet == cfg.cluster.kubelet


def test_a_patch_says_what_kubernetes_reads() -> None:
    patch = b"metadata: {annotations: {at: 12:30, day: 2030-01-01, size: '1e9', 08: '010'}, labels: {tier: null}}"
    found = [parse_one(f.content) for f in static_pods(configured("x"), FACTS, {"etcd.yaml": patch})]
    etcd = next(pod for pod in found if pod["metadata"]["name"] == "etcd")

    annotations = etcd["metadata"]["annotations"]
    assert {key: annotations[key] for key in ("at", "day", "size", "8")} == {
        "at": "12:30",
        "day": "2030-01-01",
        "size": "1e9",
        "8": "010",
    }
    assert "tier" not in etcd["metadata"]["labels"]


@pytest.mark.parametrize("text", ["y", "08", "1e9", "12:30", "::"])
def test_every_rendered_document_is_written_as_it_is_read(text: str) -> None:
    """What is read of a document and written again is the same bytes: nothing in it was taken for something else."""
    cfg = configured(text)
    rendered = [f for f in files(cfg, FACTS, {}, FixedKeySource(), NOW) if isinstance(f, File)]
    documents = [f.content.decode() for f in rendered if f.content.startswith((b"apiVersion:", b"mounts:"))]
    documents.append(dump(cfg))
    for body in api_objects(cfg, FACTS, {}, b"", NOW):
        texts = body.get("data", {}).values() if body["kind"] == "ConfigMap" else ()
        documents += [text for text in texts if text.startswith("apiVersion: kube")]

    assert len(documents) > 10
    for document in documents:
        assert to_yaml(*parse(document, WRITTEN)) == document
