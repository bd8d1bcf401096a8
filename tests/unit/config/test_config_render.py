"""Documents that are written: kubeadm's shape, defaults, differences; and durations."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from bootstrap.config import defaults_yaml, difference, load, to_cluster_configuration, to_init_configuration, validate
from bootstrap.config.schema.fields import KINDS
from bootstrap.formats.durations import format_duration, parse_duration
from bootstrap.model.cluster import ApiEndpoint, Arg, BootstrapToken, ClusterConfig, Component, NodeSpec, Taint
from tests.configs import changed

CONFIG = ClusterConfig(node=NodeSpec("n", api=ApiEndpoint("192.0.2.1")))


def test_cluster_configuration_as_kubeadm_stores_it() -> None:
    assert to_cluster_configuration(CONFIG) == {
        "apiServer": {},
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "caCertificateValidityPeriod": "87600h0m0s",
        "certificateValidityPeriod": "8760h0m0s",
        "certificatesDir": "/etc/kubernetes/pki",
        "clusterName": "kubernetes",
        "controllerManager": {},
        "dns": {},
        "encryptionAlgorithm": "ECDSA-P256",
        "etcd": {"local": {"dataDir": "/var/lib/etcd"}},
        "imageRepository": "localhost/bootstrap",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": "v1.37.0+bootstrap.1",
        "networking": {"dnsDomain": "cluster.local", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"},
        "proxy": {},
        "scheduler": {},
    }


def test_init_configuration() -> None:
    document = to_init_configuration(CONFIG)
    assert document["nodeRegistration"]["taints"] is None
    assert document["timeouts"]["controlPlaneComponentHealthCheck"] == "4m0s"
    assert "token" not in document["bootstrapTokens"][0]


COMPONENTS = {"KubeletConfiguration", "KubeProxyConfiguration"}


@pytest.mark.parametrize("kind", sorted({*KINDS, "BootstrapConfiguration"} - COMPONENTS))
def test_defaults_are_valid(kind: str) -> None:
    text = defaults_yaml([kind])
    assert yaml.safe_load(text)["kind"] == kind
    validate(load(text.encode()))


def test_difference() -> None:
    other = changed(
        CONFIG,
        cluster_name="staging",
        proxy_disabled=True,
        scheduler=Component(extra_args=(Arg("v", "4"),)),
        node=dataclasses.replace(CONFIG.node, taints=(Taint("a", "NoExecute"),)),
        api_server_cert_sans=("a", "b"),
        tokens=(BootstrapToken("abcdef.0123456789abcdef"),),
        dry_run=True,
    )
    assert difference(CONFIG, CONFIG) == []
    assert difference(CONFIG, changed(CONFIG, tokens=other.run.tokens, dry_run=True)) == []
    assert difference(CONFIG, other) == [
        "ClusterConfiguration.apiServer.certSANs: (not set) → a, b",
        "ClusterConfiguration.clusterName: kubernetes → staging",
        "ClusterConfiguration.proxy.disabled: (not set) → true",
        "ClusterConfiguration.scheduler.extraArgs[0].name: (not set) → v",
        "ClusterConfiguration.scheduler.extraArgs[0].value: (not set) → 4",
        "InitConfiguration.nodeRegistration.taints[0].effect: (not set) → NoExecute",
        "InitConfiguration.nodeRegistration.taints[0].key: (not set) → a",
    ]
    none = changed(CONFIG, taints=())
    assert difference(CONFIG, none) == ["InitConfiguration.nodeRegistration.taints: (not set) → (none)"]


@pytest.mark.parametrize(
    ("text", "seconds", "canonical"),
    [
        ("8760h", 31536000, "8760h0m0s"),
        ("4m", 240, "4m0s"),
        ("90s", 90, "1m30s"),
        ("1.5s", 1.5, "1.5s"),
        ("1h0.25s", 3600.25, "1h0m0.25s"),
        ("100ms", 0.1, "100ms"),
        ("0", 0, "0s"),
        ("-1m", -60, "-1m0s"),
        (".5h", 1800, "30m0s"),
        ("20us", 0.00002, "20µs"),
    ],
)
def test_durations(text: str, seconds: float, canonical: str) -> None:
    assert parse_duration(text) == pytest.approx(seconds)
    assert format_duration(parse_duration(text)) == canonical
    assert parse_duration(canonical) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "1d", "h", "1 h", "1h 2m", "9999999h", "٣h"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)
