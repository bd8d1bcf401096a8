"""What a program would refuse when it starts is refused before, all at once."""

from __future__ import annotations

import pytest

from bootstrap.config import load, validate
from bootstrap.config.components import check_args, check_gates, wrong_value
from bootstrap.model.cluster import ApiEndpoint, Arg, ClusterConfig, NodeSpec
from bootstrap.model.components.tables import KUBERNETES, gates, required_gates
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import HostFacts
from bootstrap.render.controlplane.static_pods import pods

CONFIG = ClusterConfig(node=NodeSpec("n", api=ApiEndpoint("192.0.2.1")))
UPSTREAM = "apiVersion: kubeadm.k8s.io/v1beta4\n"


def problems(text: str) -> dict[str, str]:
    with pytest.raises(BootstrapError) as caught:
        validate(load(text.encode()))
    assert caught.value.code == 3
    return dict(line.split(": ", 1) for line in caught.value.details)


def said(program: str, name: str, value: str) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in check_args(program, (Arg(name, value),), "args")]


def test_every_document_is_looked_at_and_all_is_said_at_once() -> None:
    found = problems(
        f"""{UPSTREAM}kind: ClusterConfiguration
featureGates: {{RootlesControlPlane: true}}
apiServer: {{extraArgs: [{{name: feature-gates, value: NoSuchGate=true}}, {{name: audit-log-maxagee, value: "1"}}]}}
controllerManager: {{extraArgs: [{{name: node-monitor-grace-period, value: 40}}]}}
scheduler: {{extraArgs: [{{name: leader-elect, value: "yes"}}]}}
etcd: {{local: {{extraArgs: [{{name: snapshot-count, value: many}}, {{name: quota-backend-byte, value: "1"}}]}}}}
---
{UPSTREAM}kind: InitConfiguration
nodeRegistration: {{kubeletExtraArgs: [{{name: pod-infra-container-image, value: x}}, {{name: v, value: high}}]}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
featureGates: {{NoSuchGateOfTheKubelet: true}}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
featureGates: {{NoSuchGateOfTheProxy: false}}
""".replace("value: 40}", 'value: "40"}')
    )

    cluster = "ClusterConfiguration"
    assert sorted(found) == sorted(
        [
            f"{cluster}.featureGates.RootlesControlPlane",
            f"{cluster}.apiServer.extraArgs[0].value.NoSuchGate",
            f"{cluster}.apiServer.extraArgs[1].name",
            f"{cluster}.controllerManager.extraArgs[0].value",
            f"{cluster}.scheduler.extraArgs[0].value",
            f"{cluster}.etcd.local.extraArgs[0].value",
            f"{cluster}.etcd.local.extraArgs[1].name",
            "InitConfiguration.nodeRegistration.kubeletExtraArgs[0].name",
            "InitConfiguration.nodeRegistration.kubeletExtraArgs[1].value",
            "KubeletConfiguration.featureGates.NoSuchGateOfTheKubelet",
            "KubeProxyConfiguration.featureGates.NoSuchGateOfTheProxy",
        ]
    )
    assert 'did you mean "audit-log-maxage"?' in found[f"{cluster}.apiServer.extraArgs[1].name"]
    assert 'did you mean "RootlessControlPlane"?' in found[f"{cluster}.featureGates.RootlesControlPlane"]
    assert "container runtime" in found["InitConfiguration.nodeRegistration.kubeletExtraArgs[0].name"]


def test_a_kubelets_document_alone_and_a_join_are_looked_at() -> None:
    alone = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfeatureGates: {Nothing: true}\n"
    args = "[{name: network-plugin, value: cni}]"
    join = f"{UPSTREAM}kind: JoinConfiguration\nnodeRegistration: {{kubeletExtraArgs: {args}}}"

    assert "KubeletConfiguration.featureGates.Nothing" in problems(alone)
    assert "JoinConfiguration.nodeRegistration.kubeletExtraArgs[0].name" in problems(join)


@pytest.mark.parametrize(
    ("program", "name", "value"),
    [
        ("kube-apiserver", "audit_log_maxage", "30"),
        ("kube-apiserver", "feature-gates", "kube:AllAlpha=false,AllBeta=0"),
        ("kube-apiserver", "v", "4"),
        ("kube-apiserver", "vmodule", "server*=5"),
        ("kube-apiserver", "request-timeout", "-1m30s"),
        ("kube-controller-manager", "concurrent-gc-syncs", "0x10"),
        ("kube-controller-manager", "kube-api-qps", "1.5e2"),
        ("kube-scheduler", "leader-elect", "T"),
        ("kubelet", "node-ip", "192.0.2.1,2001:db8::1"),
        ("kubelet", "node-labels", "a=b"),
        ("etcd", "auto-compaction-retention", "8h"),
        ("etcd", "feature-gates", "CompactHashCheck=true"),
        ("kube-apiserver", "runtime-config", "api/all=true,api/beta=false"),
        ("kube-apiserver", "runtime-config", "v1=true, api/v1=true,apps/v1,resource.k8s.io/v1beta1/deviceclasses=true"),
        ("kube-apiserver", "runtime-config", "networking.k8s.io/v1beta1=true"),
    ],
)
def test_what_the_programs_take_is_taken(program: str, name: str, value: str) -> None:
    assert said(program, name, value) == []


@pytest.mark.parametrize(
    ("program", "name", "value"),
    [
        ("kube-apiserver", "insecure-port", "0"),
        ("kube-apiserver", "feature-gates", "AllAlpha=maybe"),
        ("kube-apiserver", "feature-gates", "AllAlpha"),
        ("kube-apiserver", "runtime-config", "scheduling.k8s.io/v1alpha2=true"),
        ("kube-apiserver", "runtime-config", "example.com/v1=true"),
        ("kube-apiserver", "runtime-config", "api/v2=true"),
        ("kube-controller-manager", "concurrent-gc-syncs", "08"),
        ("kube-scheduler", "port", "10251"),
        ("kubelet", "container-runtime", "remote"),
        ("etcd", "audit_log", "x"),
        ("etcd", "snapshot_count", "10"),
        ("etcd", "feature-gates", "AllBetta=true"),
    ],
)
def test_what_they_refuse_is_refused(program: str, name: str, value: str) -> None:
    assert len(said(program, name, value)) == 1


def test_a_locked_gate_takes_its_default_only() -> None:
    name, gate = next((n, g) for n, g in gates(KUBERNETES).items() if g.locked and g.default)

    assert not list(check_gates(KUBERNETES, {name: True}, "gates"))
    assert [p.path for p in check_gates(KUBERNETES, {name: not gate.default}, "gates")] == [f"gates.{name}"]


def test_a_gate_needs_those_it_builds_on() -> None:
    name, needed = next(
        (n, r) for n in gates(KUBERNETES) if (r := required_gates(n)) and not gates(KUBERNETES)[r[0]].locked
    )

    found = list(check_gates(KUBERNETES, {name: True, needed[0]: False}, "gates"))
    assert [p.path for p in found] == [f"gates.{name}"]
    assert needed[0] in found[0].message


@pytest.mark.parametrize("kind", ["bool", "int32", "uint", "float64", "duration"])
def test_a_word_is_no_value_of_a_type(kind: str) -> None:
    assert wrong_value(kind, "word")
    assert not wrong_value("string", "word")


def test_the_flags_that_are_written_by_default_are_known() -> None:
    for name, pod in pods(CONFIG, HostFacts(mode="node", hostname="n"), {}).items():
        words = [word.removeprefix("--").partition("=") for word in pod["spec"]["containers"][0]["command"][1:]]
        args = [Arg(flag, value) for flag, _, value in words]
        assert args and list(check_args(name, args, "args")) == []
