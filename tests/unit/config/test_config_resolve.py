"""From documents, flags and facts to one configuration."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, dump, load, resolve
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, ExternalEtcd, Taint
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Address, HostFacts

FACTS = HostFacts(
    mode="node",
    hostname="K8S",
    addresses=(
        Address("eth1", "192.0.2.99", False),
        Address("eth0", "192.0.2.10", True),
        Address("eth0", "2001:db8::10", True),
    ),
)
CLUSTER = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
INIT = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
OWN = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\n"


def resolved(*texts: str, facts: HostFacts = FACTS, **flags: Any) -> ClusterConfig:
    """The configuration of a file and flags."""
    documents = load("---\n".join(texts).encode()) if texts else Documents()
    return resolve(documents, Overrides(**flags), facts)


def problems(*texts: str, facts: HostFacts = FACTS, **flags: Any) -> list[str]:
    """What is said about them."""
    with pytest.raises(BootstrapError) as caught:
        resolved(*texts, facts=facts, **flags)
    return list(caught.value.details)


def test_nothing_given() -> None:
    config = resolved()
    assert (config.node.name, config.api.advertise_address) == ("k8s", "192.0.2.10")
    assert (config.cluster.kubernetes_version, config.cluster.image_repository) == (
        names.BUILT_VERSION,
        names.BUILT_REPOSITORY,
    )
    assert config.cluster.networking.pod_subnet == names.POD_SUBNET
    assert config.cluster.encryption_algorithm == "ECDSA-P256"
    assert (config.node.taints, config.run.tokens[0].token) == (None, "")


def test_flags_win_over_the_file_and_problems_name_the_flag() -> None:
    text = CLUSTER + "networking: {podSubnet: 10.1.0.0/16, dnsDomain: a.b}\n"
    config = resolved(text, pod_network_cidr="10.2.0.0/16", apiserver_cert_extra_sans=("A.example.com",))
    assert (config.cluster.networking.pod_subnet, config.cluster.networking.dns_domain) == ("10.2.0.0/16", "a.b")
    assert config.cluster.api_server_cert_sans == ("a.example.com",)
    bad: dict[str, Any] = {"pod_network_cidr": "x", "token_ttl": "y", "feature_gates": "z"}
    assert problems(text, **bad, apiserver_cert_extra_sans=("_",)) == [
        '--feature-gates: "z" is not NAME=true or NAME=false',
        '--token-ttl: "y" is not a duration such as "4m0s" or "24h"',
        '--apiserver-cert-extra-sans: "_" is neither an IP address nor a DNS name: it has "_"; '
        'allowed are a to z, digits, "-" and "."',
        '--pod-network-cidr: "x" is not a CIDR such as 10.244.0.0/16, or two of them with a comma between',
    ]


def test_flags_of_lists_and_tokens() -> None:
    text = INIT + (
        "nodeRegistration: {ignorePreflightErrors: [Swap]}\n"
        "bootstrapTokens: [{token: abcdef.0123456789abcdef, expires: 2030-01-01T00:00:00Z}]\n"
    )
    config = resolved(text, ignore_preflight_errors=("Mem", "Swap"), dry_run=True, token_ttl="1h")  # noqa: S106
    assert config.run.ignore_preflight_errors == ("Swap", "Mem")
    assert (config.run.tokens[0].ttl, config.run.tokens[0].expires) == (3600, "")
    assert config.run.dry_run
    flag: dict[str, Any] = {"token": "abcdef.0123456789abcdef"}
    assert resolved(**flag).run.tokens[0].token == flag["token"]
    assert resolved(feature_gates="RootlessControlPlane=false").cluster.feature_gates == {"RootlessControlPlane": False}


@pytest.mark.parametrize(
    ("version", "repository", "expected"),
    [
        ("v1.37.0", "", (names.BUILT_VERSION, names.BUILT_REPOSITORY)),
        ("1.37.0", "", (names.BUILT_VERSION, names.BUILT_REPOSITORY)),
        ("stable-1", "", (names.BUILT_VERSION, names.BUILT_REPOSITORY)),
        ("", "registry.k8s.io", ("v1.37.0", "registry.k8s.io")),
        ("stable-1.37", "mirror.example.com/k8s", ("v1.37.0", "mirror.example.com/k8s")),
        (names.BUILT_VERSION, "mirror.example.com/k8s", (names.BUILT_VERSION, "mirror.example.com/k8s")),
    ],
)
def test_versions(version: str, repository: str, expected: tuple[str, str]) -> None:
    config = resolved(kubernetes_version=version, image_repository=repository)
    assert (config.cluster.kubernetes_version, config.cluster.image_repository) == expected


def test_versions_that_are_not_carried() -> None:
    assert problems(kubernetes_version="v1.36.2") == [
        '--kubernetes-version: "v1.36.2" is not available: this image carries v1.37.0 (v1.37.0+bootstrap.1)'
    ]
    assert "looks no versions up" in problems(kubernetes_version="latest")[0]
    said = problems(kubernetes_version=names.BUILT_VERSION, image_repository="registry.k8s.io")
    assert "registry.k8s.io has no" in said[0]


def test_families() -> None:
    six = resolved(service_cidr="fd00:96::/112")
    assert (six.api.advertise_address, six.cluster.networking.pod_subnet) == ("2001:db8::10", "fd00:10:244::/56")
    both = resolved(service_cidr="10.96.0.0/16,fd00:96::/112")
    assert both.cluster.networking.pod_subnet == "10.244.0.0/16,fd00:10:244::/56"
    assert resolved(OWN + "cni: none\n").cluster.networking.pod_subnet == ""
    assert "is IPv6, but the service subnet is IPv4" in problems(pod_network_cidr="fd00:244::/56")[0]
    assert "Services are IPv4 first" in problems(apiserver_advertise_address="2001:db8::1")[0]
    no_six = HostFacts("node", "k8s", addresses=FACTS.addresses[:2])
    assert "this host has no global IPv6 address" in problems(service_cidr="fd00:96::/112", facts=no_six)[0]
    assert "this host has no global IPv4 address" in problems(facts=HostFacts("node", "k8s"))[0]


@pytest.mark.parametrize("subnet", ["fe80::%eth0/64", "fd00::%a;reboot/112", "fd01::%$(x)/48", "10.0.0.0%1/16"])
def test_a_subnet_has_no_scope(subnet: str) -> None:
    """Its text reaches unit files and a shell."""
    for flag in ("pod_network_cidr", "service_cidr"):
        assert any("is not a CIDR" in problem for problem in problems(**{flag: subnet}))


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.1.1", "224.0.0.1", "a.b", "010.0.0.1", "fe80::1%eth0"])
def test_addresses_that_cannot_be_advertised(address: str) -> None:
    assert problems(apiserver_advertise_address=address)[0].startswith("--apiserver-advertise-address: ")


def test_unspecified_addresses_mean_the_default() -> None:
    assert resolved(apiserver_advertise_address="0.0.0.0").api.advertise_address == "192.0.2.10"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("api.example.com", "api.example.com:7443"),
        ("api.example.com:443", "api.example.com:443"),
        ("fd00::1", "[fd00::1]:7443"),
        ("[fd00::1]:443", "[fd00::1]:443"),
    ],
)
def test_control_plane_endpoint_gets_its_port(given: str, stored: str) -> None:
    config = resolved(control_plane_endpoint=given, apiserver_bind_port=7443)
    assert config.cluster.control_plane_endpoint == config.endpoint == stored


@pytest.mark.parametrize("endpoint", ["a:0", "a:b", "a_b", "[fd00::1]", "a:1:2", "https://a"])
def test_bad_control_plane_endpoints(endpoint: str) -> None:
    assert problems(control_plane_endpoint=endpoint)


def test_node_registration() -> None:
    text = INIT + "nodeRegistration: {criSocket: /run/x.sock, taints: [{key: a/b, effect: NoExecute}]}\n"
    config = resolved(text, node_name="Other")
    assert (config.node.name, config.node.cri_socket) == ("other", "unix:///run/x.sock")
    assert config.node.taints == (Taint("a/b", "NoExecute"),)
    assert resolved(INIT + "nodeRegistration: {taints: []}\n").node.taints == ()
    bad = INIT + "nodeRegistration: {ignorePreflightErrors: [all, Swap], taints: [{key: '-', value: '-'}]}\n"
    assert len(problems(bad)) == 4


def test_a_node_name_has_as_many_characters_as_a_label() -> None:
    assert resolved(node_name="n" * 63).node.name == "n" * 63
    assert problems(node_name="n" * 64) == [
        f'--node-name: "{"n" * 64}" has 64 characters; a node\'s name has at most 63, as labels do'
    ]
    assert problems(node_name="a" * 40 + "." + "b" * 40)
    assert problems(node_name="no_name") == [
        '--node-name: "no_name" is not a DNS name: it has "_"; allowed are a to z, digits, "-" and "."'
    ]


def test_external_etcd() -> None:
    config = resolved(CLUSTER + "etcd: {external: {endpoints: [http://192.0.2.1:2379]}}\n")
    endpoints = ("http://192.0.2.1:2379",)
    assert config.cluster.etcd == ExternalEtcd(endpoints, http_endpoints=endpoints)
    assert problems(CLUSTER + "etcd: {external: {endpoints: ['192.0.2.1:2379', 'http://[::1']}}\n")


def test_node_masks() -> None:
    args = "controllerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: '%s'}]}\n"
    assert resolved(CLUSTER + args % 20, pod_network_cidr="10.0.0.0/12").cluster.networking.pod_subnet == "10.0.0.0/12"
    assert "smaller than the network of one" in problems(CLUSTER + args % 20, pod_network_cidr="10.0.0.0/22")[0]
    assert "is an integer" in problems(CLUSTER + args % "x")[0]
    off = "controllerManager: {extraArgs: [{name: allocate-node-cidrs, value: 'false'}]}\n"
    assert resolved(CLUSTER + off, pod_network_cidr="10.0.0.0/26").cluster.networking.pod_subnet == "10.0.0.0/26"


FULL = [
    INIT
    + """
bootstrapTokens:
- {token: "123456.0123456789012345", ttl: 90m, description: "y"}
- {expires: "2030-01-01T00:00:00Z"}
certificateKey: "0011223344556677889900112233445566778899001122334455667788e90011"
skipPhases: [addon/coredns]
patches: {directory: /patches}
timeouts: {discovery: 1m30.5s}
nodeRegistration:
  kubeletExtraArgs: [{name: cert-dir, value: "1e3"}, {name: config-dir, value: ""}, {name: cgroup-root, value: "08"}]
  taints: [{key: a, value: b, effect: NoSchedule}]
  imagePullSerial: false
""",
    CLUSTER
    + """
controlPlaneEndpoint: fd00::5
certificateValidityPeriod: 100h
dns: {imageRepository: example.com/dns, imageTag: v1, disabled: true}
proxy: {disabled: true}
featureGates: {RootlessControlPlane: false}
etcd: {local: {dataDir: /srv/etcd, extraArgs: [{name: wal-dir, value: b}], peerCertSANs: [p], imageTag: "3.6"}}
apiServer:
  certSANs: ["*.example.com"]
  extraArgs: [{name: v, value: "4"}]
  extraEnvs: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
  extraVolumes: [{name: a, hostPath: /a, mountPath: /b, readOnly: true, pathType: File}]
""",
    OWN + "cni: none\nhardening: false\nworkloadsOnControlPlane: true\nextraSANs: [LocalHost]\n",
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 5\n",
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n",
]


@pytest.mark.parametrize("texts", [[], FULL, [CLUSTER + "etcd: {external: {endpoints: [https://a:1]}}\n"]])
def test_dump_is_read_back_as_the_same(texts: list[str]) -> None:
    config = resolved(*texts)
    elsewhere = HostFacts("host", "other")
    assert resolve(load(dump(config).encode()), Overrides(), elsewhere) == config
