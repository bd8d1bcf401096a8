"""Files of v1beta2 and v1beta3, as they are read now: the examples of docs/how-to/migrate.md among them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bootstrap.config import load, validate
from bootstrap.config.migrate import migrate
from bootstrap.formats import yaml_reader
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model.errors import BootstrapError, Exit

NEW = "kubeadm.k8s.io/v1beta4"
VERSIONS = ["kubeadm.k8s.io/v1beta2", "kubeadm.k8s.io/v1beta3"]


def migrated(*documents: dict[str, Any], version: str = VERSIONS[1]) -> list[dict[str, Any]]:
    text = yaml.safe_dump_all([{"apiVersion": version, **document} for document in documents])
    return migrate(yaml_reader.parse(text.encode())).documents


def refusal(*documents: dict[str, Any], version: str = VERSIONS[1]) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        migrated(*documents, version=version)
    return caught.value


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("ClusterConfiguration", ("apiServer", "extraArgs")),
        ("ClusterConfiguration", ("controllerManager", "extraArgs")),
        ("ClusterConfiguration", ("scheduler", "extraArgs")),
        ("ClusterConfiguration", ("etcd", "local", "extraArgs")),
        ("InitConfiguration", ("nodeRegistration", "kubeletExtraArgs")),
        ("JoinConfiguration", ("nodeRegistration", "kubeletExtraArgs")),
    ],
)
def test_arguments_are_a_list_sorted_by_name(version: str, kind: str, path: tuple[str, ...]) -> None:
    document: Any = {"v": "4", "a": "x=y", "empty": ""}
    for name in reversed(path):
        document = {name: document}
    (found,) = migrated({"kind": kind, **document}, version=version)

    assert found.pop("apiVersion") == NEW
    for name in path:
        found = found[name]
    assert found == [{"name": "a", "value": "x=y"}, {"name": "empty", "value": ""}, {"name": "v", "value": "4"}]


@pytest.mark.parametrize("with_init", [True, False])
def test_the_time_of_the_control_plane_is_the_machine_s_now(with_init: bool) -> None:
    cluster = {"kind": "ClusterConfiguration", "apiServer": {"timeoutForControlPlane": "6m0s", "certSANs": ["a.b"]}}
    found = migrated(*([{"kind": "InitConfiguration"}] if with_init else []), cluster)

    assert found == [
        {"apiVersion": NEW, "kind": "InitConfiguration", "timeouts": {"controlPlaneComponentHealthCheck": "6m0s"}},
        {"apiVersion": NEW, "kind": "ClusterConfiguration", "apiServer": {"certSANs": ["a.b"]}},
    ]


def test_the_time_of_discovery_has_moved() -> None:
    token = {"token": "abcdef.0123456789abcdef", "apiServerEndpoint": "192.0.2.1:6443"}
    join = {"kind": "JoinConfiguration", "discovery": {"timeout": "2m0s", "bootstrapToken": token}}
    (found,) = migrated(join)

    assert found["timeouts"] == {"discovery": "2m0s"}
    assert found["discovery"] == {"bootstrapToken": token}


def test_the_gate_of_ecdsa_keys_is_a_field() -> None:
    gates = {"featureGates": {"PublicKeysECDSA": True}}
    (on,) = migrated({"kind": "ClusterConfiguration", **gates})
    (off,) = migrated({"kind": "ClusterConfiguration", "featureGates": {"PublicKeysECDSA": False}})

    assert on["encryptionAlgorithm"] == "ECDSA-P256"
    assert "encryptionAlgorithm" not in off
    assert on["featureGates"] == off["featureGates"] == {}


def test_what_v1beta2_said_for_nothing_goes() -> None:
    status = {"kind": "ClusterStatus", "apiEndpoints": {}}
    cluster = {"kind": "ClusterConfiguration", "useHyperKubeImage": False, "dns": {"type": "CoreDNS", "imageTag": "v1"}}
    (found,) = migrated(status, cluster, version=VERSIONS[0])

    assert found == {"apiVersion": NEW, "kind": "ClusterConfiguration", "dns": {"imageTag": "v1"}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"dns": {"type": "kube-dns"}}, 'ClusterConfiguration.dns.type: "kube-dns" is not possible any more'),
        ({"useHyperKubeImage": True}, "ClusterConfiguration.useHyperKubeImage"),
        ({"apiServer": {"extraArgs": {"v": 4}}}, "must be a string (put it in quotes)"),
        ({"networking": {"podSubnt": "x"}}, 'did you mean "podSubnet"'),
    ],
)
def test_what_cannot_be_said_any_more_is_named(document: dict[str, Any], said: str) -> None:
    error = refusal({"kind": "ClusterConfiguration", **document}, version=VERSIONS[0])

    assert error.code == Exit.CONFIG
    assert said in "\n".join(error.details)


@pytest.mark.parametrize("version", ["v1alpha3", "v1beta1"])
def test_older_ones_are_named_with_what_to_write(version: str) -> None:
    error = refusal({"kind": "ClusterConfiguration"}, version=f"kubeadm.k8s.io/{version}")

    assert f"of kubeadm.k8s.io/{version} is not read any more; write apiVersion: {NEW}" in error.details[0]
    assert "config migrate" not in error.details[0]


def test_other_documents_stay_as_they_are() -> None:
    kubelet = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 50}
    now = {"apiVersion": NEW, "kind": "InitConfiguration", "nodeRegistration": {"kubeletExtraArgs": []}}
    done = migrate([kubelet, now])

    assert done.documents == [kubelet, now]
    assert done.remarks == []


def test_the_message_about_an_old_file_says_how_to_have_it_written() -> None:
    problems = load(b"apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n").problems

    assert "bootstrap config migrate --old-config FILE --new-config FILE" in problems[0].message


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_written_is_accepted(version: str) -> None:
    found = migrated(
        {"kind": "InitConfiguration", "nodeRegistration": {"kubeletExtraArgs": {"node-labels": "a=b"}, "taints": []}},
        {"kind": "ClusterConfiguration", "apiServer": {"extraArgs": {"v": "2"}, "timeoutForControlPlane": "4m0s"}},
        version=version,
    )

    assert validate(load(to_yaml(*found).encode())) == ()
