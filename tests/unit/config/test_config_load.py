"""Reading files: what is accepted, what is said about the rest, and that hostile text ends quickly."""

from __future__ import annotations

import pytest

from bootstrap.config import Documents, load, validate
from bootstrap.formats.yaml_reader import CONFIGURATION, parse
from bootstrap.model.cluster import BootstrapConfig
from bootstrap.model.errors import BootstrapError, Exit

HEAD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
OWN = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\n"


def problems(text: str | bytes) -> list[str]:
    """What `validate` says about a file."""
    try:
        validate(load(text if isinstance(text, bytes) else text.encode()))
    except BootstrapError as error:
        assert error.code is Exit.CONFIG
        return list(error.details)
    return []


def test_documents_by_kind() -> None:
    documents = load((HEAD + "clusterName: a\n---\n# nothing\n---\n" + OWN + "cni: none\n").encode())
    assert documents.get("ClusterConfiguration")["clusterName"] == "a"
    assert documents.get("InitConfiguration") == {}
    assert documents.own == BootstrapConfig(cni="none")
    assert documents.problems == ()


def test_all_problems_at_once() -> None:
    cluster = HEAD + "networking: {podSubnt: a}\ncertificatesDir: pki\nclusterName: 5\n"
    text = cluster + "---\n" + OWN + "cny: none\nhardening: 1\n"
    assert problems(text) == [
        'ClusterConfiguration.networking.podSubnt: unknown field; did you mean "podSubnet"?',
        'ClusterConfiguration.clusterName: must be a string (put it in quotes), not "5"',
        "BootstrapConfiguration.hardening: input should be a valid boolean",
        'BootstrapConfiguration.cny: unknown field; did you mean "cni"?',
        'ClusterConfiguration.certificatesDir: "pki" is not an absolute path',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "line 1, column 4: not YAML"),
        ("a: 1\na: 2", 'line 2, column 1: "a" is given twice'),
        (b"a: \xff", "not UTF-8: byte 0xff at offset 3"),
        ("a: \x01", "not YAML: control characters are not allowed"),
        ("a: !!python/object:os.system {}", "document 1: a document is a mapping"),
        ("a: !secret x", "the tag !secret is not known here"),
        ("? [a]\n: b", "a key must be a plain word"),
        ("a: &x [*x]", "an alias inside its own anchor"),
        ("[" * 50_000, "inside each other"),
        ("a: " + "x" * CONFIGURATION.bytes, "a configuration has at most"),
        ("", "the file holds no document"),
        ("- a", "document 1: a document is a mapping with apiVersion and kind"),
        ("apiVersion: v1\nkind: Pod", 'document 1: unknown kind "Pod"'),
        (
            HEAD.replace("v1beta4", "v1beta3"),
            "v1beta3 is not read any more; write apiVersion: kubeadm.k8s.io/v1beta4",
        ),
        (HEAD.replace("v1beta4", "v9"), '"kubeadm.k8s.io/v9" is not known to Kubernetes 1.37'),
        (HEAD + "---\n" + HEAD, "there are two documents of this kind"),
    ],
)
def test_refused(text: str | bytes, said: str) -> None:
    assert said in "\n".join(problems(text))


def test_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "more than 20000 values" in problems("\n".join(lines))[0]


def test_scalars_are_read_as_kubernetes_reads_them() -> None:
    text = b"{a: y, b: Off, c: 0x10, d: 010, e: 1_000, f: 10:30, g: 2030-01-01, h: ~, i: '5', j: 1e3, k: 1.5, on: 08}"
    assert parse(text) == [
        {"a": True, "b": False, "c": 16, "d": 8, "e": 1000, "f": "10:30", "g": "2030-01-01", "i": "5", "j": 1000,
         "k": 1.5, "true": 8}
    ]  # fmt: skip


def test_merge_keys_and_string_tags() -> None:
    assert parse(b"a: &a {b: 1}\nc: {<<: *a, d: !!str 2}") == [{"a": {"b": 1}, "c": {"b": 1, "d": "2"}}]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("maxPods: many", 'KubeletConfiguration.maxPods: must be an integer, not "many"'),
        ("maxPods: 4294967296", "must be from -2147483648 to 2147483647"),
        ("clusterDNS: 10.0.0.1", 'must be a list, not "10.0.0.1"'),
        ("clusterDNS: [10]", "KubeletConfiguration.clusterDNS[0]: must be a string"),
        ("featureGates: {A: 1}", "KubeletConfiguration.featureGates.A: must be true or false"),
        ("syncFrequency: 5", "must be a string"),
        ("syncFrequency: soon", "must be a duration"),
        ("authentication: {x509: []}", "KubeletConfiguration.authentication.x509: must be a mapping, not a list"),
        ("memoryThrottlingFactor: high", "must be a number"),
        ("registerWithTaints: [{key: a, timeAdded: x}]", "registerWithTaints[0].timeAdded: must be a time"),
    ],
)
def test_types(field: str, said: str) -> None:
    text = f"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{field}\n"
    assert said in "\n".join(problems(text))


def test_a_secret_of_a_wrong_type_is_not_repeated() -> None:
    text = HEAD.replace("Cluster", "Init") + "certificateKey: 123456789012\n"
    assert problems(text) == ["InitConfiguration.certificateKey: must be a string (put it in quotes)"]


def test_no_file_is_the_same_as_an_empty_value() -> None:
    assert Documents().get("InitConfiguration") == {}
