"""Files that describe a cluster, as people have them for kind: what they mean, and what cannot be done."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bootstrap.clusters.documents import Endpoint, init_documents
from bootstrap.clusters.shape_file import read_shape
from bootstrap.model.cluster_shape import ClusterShape, JsonPatch, MergePatch, Mount, NodeShape, PublishedPort
from bootstrap.model.errors import BootstrapError, Exit

PAGE = Path(__file__).parents[3] / "docs/how-to/cluster-files.md"
HEAD = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
OURS = "kind: Cluster\napiVersion: bootstrap/v1alpha1\n"
INGRESS = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  kubeadmConfigPatches:
  - |
    kind: InitConfiguration
    nodeRegistration:
      kubeletExtraArgs:
        node-labels: "ingress-ready=true"
  extraPortMappings:
  - containerPort: 80
    hostPort: 80
    protocol: TCP
  - containerPort: 443
    hostPort: 443
    protocol: TCP
"""
REGISTRY = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
containerdConfigPatches:
- |-
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
- |-
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:5001"]
    endpoint = ["http://kind-registry:5000"]
"""
EVERYTHING = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: app-1-cluster
featureGates:
  # any feature gate can be enabled here with "Name": true
  "CSIMigration": true
  InPlacePodVerticalScaling: false
runtimeConfig:
  "api/alpha": "false"
  api/beta: true
networking:
  ipFamily: dual
  apiServerAddress: "127.0.0.1"
  apiServerPort: 6443
  podSubnet: "10.244.0.0/16,fd00:10:244::/56"
  serviceSubnet: 10.96.0.0/12,fd00:10:96::/112
  disableDefaultCNI: true
  kubeProxyMode: "nftables"
  dnsSearch: [xyz.com]
kubeadmConfigPatches:
- |
  apiVersion: kubelet.config.k8s.io/v1beta1
  kind: KubeletConfiguration
  evictionHard:
    nodefs.available: "0%"
  ---
  kind: ClusterConfiguration
  apiServer:
    extraArgs:
      audit-log-maxage: 3
kubeadmConfigPatchesJSON6902:
- group: kubeadm.k8s.io
  version: v1beta4
  kind: ClusterConfiguration
  patch: |
    - op: add
      path: /apiServer/certSANs/-
      value: my-hostname
nodes:
- role: control-plane
- role: control-plane
- role: worker
  labels:
    tier: frontend
    generation: 2
  extraMounts:
  - hostPath: /path/to/my/files
    containerPath: /files
    readOnly: true
    selinuxRelabel: false
    propagation: HostToContainer
  extraPortMappings:
  - containerPort: 30950
    hostPort: 30950
    listenAddress: "127.0.0.1"
    protocol: udp
- role: worker
"""


def shape(text: str, folder: str = "") -> ClusterShape:
    return read_shape(text.encode(), folder).shape


def problems(text: str, folder: str = "") -> list[str]:
    with pytest.raises(BootstrapError) as caught:
        read_shape(text.encode(), folder)
    assert caught.value.code == Exit.CONFIG
    return list(caught.value.details)


def registration(of: ClusterShape) -> dict[str, object]:
    """Of the first node, as `init` reads it."""
    first = init_documents(of, of.nodes[0], "n", "192.0.2.10", Endpoint("192.0.2.10", shared=False), "t" * 6)
    found: dict[str, object] = next(d for d in first if d["kind"] == "InitConfiguration")["nodeRegistration"]
    return found


def test_an_empty_cluster_is_one_control_plane() -> None:
    assert shape(HEAD) == ClusterShape()
    assert shape(OURS) == ClusterShape()


def test_the_ingress_example_gets_its_label_and_its_ports() -> None:
    found = shape(INGRESS)

    assert found.nodes[0].ports == (PublishedPort(80, 80), PublishedPort(443, 443))
    assert registration(found)["kubeletExtraArgs"] == [{"name": "node-labels", "value": "ingress-ready=true"}]


def test_labels_and_a_patch_of_other_arguments_are_both_there() -> None:
    text = INGRESS.replace("- role: control-plane\n", "- role: control-plane\n  labels: {a: b}\n").replace(
        'node-labels: "ingress-ready=true"', "max-pods: 200"
    )

    assert registration(shape(text))["kubeletExtraArgs"] == [
        {"name": "node-labels", "value": "a=b"},
        {"name": "max-pods", "value": "200"},
    ]


def test_a_local_registry_is_a_mirror_of_ours() -> None:
    found = shape(REGISTRY)

    assert found.containerd_patches == ()
    (own,) = found.documents
    rule = {"registry": "localhost:5001", "endpoints": [{"server": "kind-registry:5000", "plainHTTP": True}]}
    assert own["mirrors"] == {"registries": [rule]}


def test_everything_at_once() -> None:
    found = shape(EVERYTHING)

    assert (found.name, [node.role for node in found.nodes]) == (
        "app-1-cluster", ["control-plane", "control-plane", "worker", "worker"],
    )  # fmt: skip
    net = found.networking
    assert (net.family, net.api_address, net.api_port) == ("dual", "127.0.0.1", 6443)
    assert (net.cni, net.proxy_mode, net.dns_search) == ("none", "nftables", ("xyz.com",))
    assert (net.pod_subnet, net.service_subnet) == ("10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/12,fd00:10:96::/112")
    assert found.feature_gates == {"CSIMigration": True, "InPlacePodVerticalScaling": False}
    assert found.runtime_config == {"api/alpha": "false", "api/beta": "true"}
    assert [p.kind if isinstance(p, JsonPatch) else p.document["kind"] for p in found.patches] == [
        "KubeletConfiguration", "ClusterConfiguration", "ClusterConfiguration",
    ]  # fmt: skip
    assert found.nodes[2] == NodeShape(
        "worker",
        labels={"tier": "frontend", "generation": "2"},
        ports=(PublishedPort(30950, 30950, "127.0.0.1", "udp"),),
        mounts=(Mount("/path/to/my/files", "/files", read_only=True, propagation="rslave"),),
    )
    documents = init_documents(found, found.nodes[0], "n", "192.0.2.10", Endpoint("192.0.2.9", shared=True), "t" * 6)
    by_kind = {document["kind"]: document for document in documents}
    assert by_kind["KubeletConfiguration"]["evictionHard"] == {"nodefs.available": "0%"}
    api = by_kind["ClusterConfiguration"]["apiServer"]
    assert "my-hostname" in api["certSANs"]
    assert {"name": "audit-log-maxage", "value": "3"} in api["extraArgs"]
    assert {"name": "runtime-config", "value": "api/alpha=false,api/beta=true"} in api["extraArgs"]


def test_certificate_names_are_added_and_an_argument_can_go() -> None:
    patch = """
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  apiServer:
    certSANs: [a.example.test]
- |
  kind: ClusterConfiguration
  apiServer:
    certSANs: [b.example.test, a.example.test]
    extraArgs: [{name: runtime-config}, {name: v, value: "4"}]
runtimeConfig: {api/all: "true"}
"""
    found = shape(HEAD + patch)
    documents = init_documents(found, found.nodes[0], "n", "192.0.2.10", Endpoint("x", shared=False), "t" * 6)
    api = next(d for d in documents if d["kind"] == "ClusterConfiguration")["apiServer"]

    assert api["certSANs"] == ["a.example.test", "b.example.test"]
    assert api["extraArgs"] == [{"name": "v", "value": "4"}]


def test_null_in_a_patch_removes() -> None:
    found = shape(HEAD + "kubeadmConfigPatches:\n- |\n  kind: KubeletConfiguration\n  maxPods: null\n")

    assert found.patches == (MergePatch({"kind": "KubeletConfiguration", "maxPods": None}),)


@pytest.mark.parametrize(("port", "meant"), [("0", 0), ("-1", 0), ("8080", 8080)])
def test_a_port_that_is_to_be_any(port: str, meant: int) -> None:
    text = HEAD + f"nodes: [{{extraPortMappings: [{{containerPort: 80, hostPort: {port}}}]}}]\n"

    assert shape(text).nodes[0].ports == (PublishedPort(80, meant),)
    assert shape(HEAD + f"networking: {{apiServerPort: {port}}}\n").networking.api_port == meant


def test_the_api_of_an_ipv6_cluster_is_on_loopback_too() -> None:
    assert shape(HEAD + "networking: {ipFamily: ipv6}\n").networking.api_address == "::1"


def test_a_relative_path_begins_where_the_command_was_started() -> None:
    text = HEAD + "nodes: [{extraMounts: [{hostPath: ./src/../data, containerPath: /data}]}]\n"

    assert shape(text, "/home/ann/app").nodes[0].mounts == (Mount("/home/ann/app/data", "/data"),)
    assert "does not know in which folder" in problems(text)[0]


def test_ours_says_the_same_and_more_and_other_documents_stand_beside_it() -> None:
    more = """\
network: shared
loadBalancer: none
networking: {cni: calico}
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
addons: [metrics-server]
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: {dnsDomain: example.test}
"""
    found = shape(OURS + more)

    assert (found.network, found.networking.cni, found.load_balancer) == ("shared", "calico", "none")
    assert [document["kind"] for document in found.documents] == ["BootstrapConfiguration", "ClusterConfiguration"]
    assert "network" in problems(HEAD + "network: shared\n")[0]
    assert "loadBalancer" in problems(HEAD + "loadBalancer: none\n")[0]
    assert "loadBalancer" in problems(OURS + "loadBalancer: cilium\n")[0]
    assert shape("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n").nodes == (NodeShape(),)


def test_mirrors_of_patches_and_of_a_document_are_both_there() -> None:
    own = """\
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
mirrors: {registries: [{registry: docker.io, endpoints: [{server: m.example.test}]}]}
"""
    (found,) = shape(REGISTRY + own).documents

    assert [rule["registry"] for rule in found["mirrors"]["registries"]] == ["docker.io", "localhost:5001"]


def test_the_rest_of_a_patch_stays_as_it_is() -> None:
    patch = """
containerdConfigPatches:
- |
  version = 2
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
    endpoint = ["https://m.example.test/v2/hub"]
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.gvisor]
    runtime_type = "io.containerd.runsc.v1"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.gvisor.options]
      TypeUrl = "io.containerd.runsc.v1.options"
      Words = ["a", {b = true}]
- |
  # more of it
  [debug]
    level = "debug"
"""
    found = shape(HEAD + patch)
    first, second = found.containerd_patches

    assert tomllib.loads(first) == {
        "version": 2,
        "plugins": {
            "io.containerd.grpc.v1.cri": {
                "containerd": {
                    "runtimes": {
                        "gvisor": {
                            "runtime_type": "io.containerd.runsc.v1",
                            "options": {"TypeUrl": "io.containerd.runsc.v1.options", "Words": ["a", {"b": True}]},
                        }
                    }
                }
            }
        },
    }
    assert second == '# more of it\n[debug]\n  level = "debug"\n'
    (rule,) = found.documents[0]["mirrors"]["registries"]
    assert rule == {"registry": "docker.io", "endpoints": [{"server": "m.example.test", "prefix": "hub"}]}


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("nodes: [{role: control-plane, image: 'kindest/node:v1.30.0'}]", "Cluster.nodes[0].image", "leave it out"),
        ("nodes: [{role: worker}]", "Cluster.nodes", "control-plane"),
        ("nodes: [{role: external-load-balancer}]", "Cluster.nodes[0].role", "control-plane, worker"),
        ("nodes: [{extraPortMappings: [{containerPort: 70000}]}]", "extraPortMappings[0].containerPort", "65535"),
        ("nodes: [{extraPortMappings: [{containerPort: 1, listenAddress: here}]}]", "listenAddress", "IP address"),
        ("nodes: [{extraPortMappings: [{containerPort: 1, protocol: http}]}]", "protocol", "TCP"),
        ("nodes: [{extraPortMapping: []}]", "extraPortMapping", 'did you mean "extraPortMappings"?'),
        ("nodes: [{extraMounts: [{hostPath: /a, containerPath: b}]}]", "extraMounts[0].containerPath", "absolute"),
        ("nodes: [{extraMounts: [{hostPath: /a, containerPath: /b, propagation: rshared}]}]", "propagation", "None"),
        ("networking: {ipFamily: IPv4}", "Cluster.networking.ipFamily", "ipv4"),
        ("networking: {kubeProxyMode: userspace}", "Cluster.networking.kubeProxyMode", "iptables"),
        ("networking: {podSubnet: '10.244.0.0/16,fd00::/56'}", "networking.podSubnet", "one CIDR"),
        ("networking: {podSubnet: 'fd00::/56'}", "networking.podSubnet", "ipv4"),
        ("networking: {serviceSubnet: ten}", "networking.serviceSubnet", "10.42.0.0/16"),
        ("networking: {apiServerPort: 70000}", "networking.apiServerPort", "65535"),
        ("networking: {apiServerAddress: localhost}", "networking.apiServerAddress", "IP address"),
        ("featureGates: {A: 'yes'}", "Cluster.featureGates.A", "true or false"),
        ("kubeadmConfigPatches: ['a: b: c']", "kubeadmConfigPatches[0]", "line 1"),
        ("kubeadmConfigPatches: ['maxPods: 3']", "kubeadmConfigPatches[0].kind", "KubeletConfiguration"),
        ("kubeadmConfigPatches: ['# nothing']", "kubeadmConfigPatches[0]", "no document"),
        ("kubeadmConfigPatches: [{kind: KubeletConfiguration}]", "kubeadmConfigPatches[0]", "string"),
        ("kubeadmConfigPatchesJSON6902: [{kind: ClusterConfiguration, patch: 'op: add'}]", ".patch", "op: and path:"),
        ("containerdConfigPatches: ['a = ']", "containerdConfigPatches[0]", "TOML"),
        ("containerdConfigPatches: ['version = 1']", "containerdConfigPatches[0]", "version 1"),
        (
            "containerdConfigPatches: ['plugins.\"io.containerd.grpc.v1.cri\".registry.configs.x.auth.a = 1']",
            "registry.configs", "BootstrapConfiguration.mirrors",
        ),
        (
            "containerdConfigPatches: ['plugins.\"io.containerd.cri.v1.images\".registry.config_path = \"/x\"']",
            "registry.config_path", "/etc/containerd/certs.d",
        ),
        ("containerdConfigPatchesJSON6902: ['[]']", "containerdConfigPatchesJSON6902", "containerdConfigPatches"),
        ("---\nkind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4", "Cluster", "two documents"),
        ("---\nkind: Deployment\napiVersion: apps/v1", "document 1", "Deployment"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_by_field(text: str, path: str, why: str) -> None:
    found = problems(f"{HEAD}{text}\n")

    assert len(found) == 1, found
    assert path in found[0].partition(": ")[0], found
    assert why in found[0], found


def test_all_problems_are_told_at_once() -> None:
    text = "nodes: [{role: worker, image: x}]\nnetworking: {podSubnet: x}\nname: 1\n"

    assert len(problems(HEAD + text)) == 4


@pytest.mark.parametrize("version", ["kind.x-k8s.io/v1alpha3", "v1", "kind.sigs.k8s.io/v1alpha3"])
def test_another_version_names_those_that_are_read(version: str) -> None:
    assert "kind.x-k8s.io/v1alpha4" in problems(f"kind: Cluster\napiVersion: {version}\n")[0]


def test_a_port_of_the_machine_is_there_once() -> None:
    def node(address: str) -> str:
        port = f"{{containerPort: 1, hostPort: 80, listenAddress: '{address}'}}"
        return f"{{role: control-plane, extraPortMappings: [{port}]}}"

    assert len(shape(HEAD + f"nodes: [{node('127.0.0.1')}, {node('127.0.0.2')}]\n").nodes) == 2
    for first, second in (("", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("::", ""), ("127.0.0.1", "127.0.0.1")):
        assert "80/tcp is mapped twice" in problems(HEAD + f"nodes: [{node(first)}, {node(second)}]\n")[0]


def test_a_label_of_selinux_is_a_warning() -> None:
    text = HEAD + "nodes: [{extraMounts: [{hostPath: /a, containerPath: /a, selinuxRelabel: true}]}]\n"

    assert [warning.path for warning in read_shape(text.encode()).warnings] == [
        "Cluster.nodes[0].extraMounts[0].selinuxRelabel"
    ]


def test_the_files_of_the_how_to_are_right() -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)

    assert [len(shape(text).nodes) for text in examples] == [2, 2]
