"""Static Pods, kubelet and containerd: what follows from which setting."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest
import yaml

from bootstrap.model import names, runtime
from bootstrap.model.cluster import (
    ApiEndpoint,
    Arg,
    BootstrapConfig,
    ClusterConfig,
    Component,
    ExternalEtcd,
    LocalEtcd,
    Networking,
    NodeSpec,
    Taint,
    Volume,
)
from bootstrap.model.effects import Directory, File
from bootstrap.model.facts import Address, HostFacts
from bootstrap.render.addons.builtin import flannel_files
from bootstrap.render.controlplane.args import flags_of
from bootstrap.render.controlplane.audit import audit_files, audit_policy
from bootstrap.render.controlplane.static_pods import pods as control_plane_pods
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.render.images import required
from bootstrap.render.node import host as machine
from bootstrap.render.node.containerd import containerd_config
from bootstrap.render.node.kubelet import (
    cluster_configuration,
    kubelet_files,
    kubelet_flags,
    node_configuration,
    node_taints,
)
from tests.configs import changed
from tests.golden.rendered import manifests

CFG = ClusterConfig(node=NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))
HOST = HostFacts(mode="host", hostname="n1")
NODE = HostFacts(mode="node", hostname="n1")


def pods(cfg: ClusterConfig, facts: HostFacts = HOST, **options: Any) -> dict[str, Any]:
    found = [yaml.safe_load(f.content) for f in static_pods(cfg, facts, options.pop("patches", {}), **options)]
    return {pod["metadata"]["name"]: pod for pod in found}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def command(cfg: ClusterConfig, component: str, **options: Any) -> list[str]:
    found: list[str] = container(pods(cfg, **options)[component])["command"]
    return found


def test_manifests_are_private_and_etcd_comes_first() -> None:
    files = static_pods(CFG, HOST, {})
    assert files[0].path.endswith("/etcd.yaml")
    assert {f.mode for f in files} == {0o600}
    assert "etcd" not in pods(changed(CFG, etcd=ExternalEtcd(("https://e:2379",))))


def test_etcd_in_a_node_container_elects_itself_sooner() -> None:
    slow = changed(CFG, etcd=LocalEtcd(extra_args=(Arg("election-timeout", "3000"),)))
    paced = changed(CFG, etcd=LocalEtcd(extra_args=(Arg("heartbeat-interval", "200"),)))  # etcd wants five of them
    found = [
        [word for word in command(cfg, "etcd", facts=facts) if "election" in word]
        for cfg, facts in ((CFG, HOST), (CFG, NODE), (slow, NODE), (paced, NODE))
    ]
    assert found == [[], ["--election-timeout=500"], ["--election-timeout=3000"], []]


def test_user_flags_replace_defaults_and_keep_their_order() -> None:
    args = (Arg("v", "2"), Arg("secure-port", "1"), Arg("v", "3"))
    bare = replace(CFG, own=BootstrapConfig(hardening=False))
    found = command(changed(bare, api_server=Component(extra_args=args)), "kube-apiserver")
    assert found[-3:] == ["--v=2", "--secure-port=1", "--v=3"]
    assert "--secure-port=6443" not in found
    defaults = found[1:-3]
    assert defaults == sorted(defaults)


def test_structured_authorization_drops_the_mode() -> None:
    args = (Arg("authorization-config", "/x"),)
    found = command(changed(CFG, api_server=Component(extra_args=args)), "kube-apiserver")
    assert not [f for f in found if f.startswith("--authorization-mode")]


@pytest.mark.parametrize("component", ["kube-apiserver", "kube-controller-manager", "kube-scheduler"])
def test_hardening_is_a_choice(component: str) -> None:
    soft = replace(CFG, own=BootstrapConfig(hardening=False))
    assert "--profiling=false" in command(CFG, component)
    assert "--profiling=false" not in command(soft, component)
    assert not audit_files(soft)
    assert "audit" not in str(pods(soft)) and "audit-policy" in str(pods(CFG))


def test_own_audit_policy_leaves_ours_unmounted() -> None:
    cfg = changed(CFG, api_server=Component(extra_args=(Arg("audit-policy-file", "/own.yaml"),)))
    volumes = {v["name"] for v in pods(cfg)["kube-apiserver"]["spec"]["volumes"]}
    assert "audit-log" in volumes and "audit-policy" not in volumes


def test_extra_volume_replaces_by_name_and_by_mount_path() -> None:
    extra = (Volume("ca-certs", "/a", "/b"), Volume("policy", "/c", names.AUDIT_POLICY))
    pod = pods(changed(CFG, api_server=Component(extra_volumes=extra)))["kube-apiserver"]
    mounts = {m["name"]: m["mountPath"] for m in container(pod)["volumeMounts"]}
    assert mounts["ca-certs"] == "/b" and "audit-policy" not in mounts
    assert len(set(mounts.values())) == len(mounts)


def test_optional_ca_directories_only_where_they_are() -> None:
    facts = replace(HOST, ca_directories=("/usr/share/ca-certificates",))
    assert "usr-share-ca-certificates" in str(pods(CFG, facts)["kube-controller-manager"])
    assert "usr-share-ca-certificates" not in str(pods(CFG)["kube-controller-manager"])


def test_external_etcd_mounts_parents_once() -> None:
    etcd = ExternalEtcd(("https://e:2379",), "/etc/tls/ca.crt", "/etc/tls/client/c.crt", "/etc/kubernetes/pki/c.key")
    volumes = {
        v["name"]: v["hostPath"]["path"] for v in pods(changed(CFG, etcd=etcd))["kube-apiserver"]["spec"]["volumes"]
    }
    assert {n: p for n, p in volumes.items() if n.startswith("etcd-certs")} == {"etcd-certs-0": "/etc/tls"}


@pytest.mark.parametrize(
    ("ca_file", "mounted"),
    [
        ("/etc/kubernetes/pki/etcd/ca.crt", []),
        ("/etc/kubernetes/pki-etcd/ca.crt", ["/etc/kubernetes/pki-etcd"]),
        ("/etc/ssl/certs-of-etcd/ca.crt", ["/etc/ssl/certs-of-etcd"]),
        ("/etc/tls-ca/ca.crt", ["/etc/tls", "/etc/tls-ca"]),
    ],
)
def test_a_directory_is_inside_another_by_whole_words(ca_file: str, mounted: list[str]) -> None:
    etcd = ExternalEtcd(("https://e:2379",), ca_file, "/etc/tls/c.crt", "/etc/tls/c.key")
    volumes = pods(changed(CFG, etcd=etcd))["kube-apiserver"]["spec"]["volumes"]
    found = [v["hostPath"]["path"] for v in volumes if v["name"].startswith("etcd-certs")]

    assert found == (mounted if "/etc/tls" in mounted else sorted([*mounted, "/etc/tls"]))


def test_external_ca_signs_nothing() -> None:
    found = command(CFG, "kube-controller-manager", signing="")
    assert "--cluster-signing-cert-file=" in found and "--cluster-signing-key-file=" in found


def test_ipv6_and_probes() -> None:
    cfg = changed(CFG, advertise_address="fd00::1")
    found = pods(cfg)
    assert "--etcd-servers=https://[::1]:2379" in container(found["kube-apiserver"])["command"]
    assert "--listen-client-urls=https://[::1]:2379,https://[fd00::1]:2379" in container(found["etcd"])["command"]
    assert container(found["etcd"])["livenessProbe"]["httpGet"]["host"] == "::1"
    metrics = LocalEtcd(extra_args=(Arg("listen-metrics-urls", "https://1.2.3.4:99,http://x"),))
    etcd = container(pods(changed(CFG, etcd=metrics))["etcd"])
    get = etcd["startupProbe"]["httpGet"]
    assert (get["scheme"], get["host"], etcd["ports"][0]["containerPort"]) == ("HTTPS", "1.2.3.4", 99)
    everywhere = changed(CFG, scheduler=Component(extra_args=(Arg("bind-address", "0.0.0.0"),)))
    assert "host" not in container(pods(everywhere)["kube-scheduler"])["livenessProbe"]["httpGet"]


def test_proxy_variables_and_the_users_win_by_name() -> None:
    facts = replace(HOST, proxies={"no_proxy": "a", "HTTPS_PROXY": "b"})
    cfg = changed(CFG, scheduler=Component(extra_envs=({"name": "no_proxy", "value": "mine"},)))
    found = pods(cfg, facts)
    expected = [{"name": "HTTPS_PROXY", "value": "b"}, {"name": "no_proxy", "value": "mine"}]
    assert container(found["kube-scheduler"])["env"] == expected
    completed = container(found["kube-apiserver"])["env"][1]["value"]
    assert completed.startswith(f"a,{CFG.api.advertise_address},{CFG.cluster.networking.service_subnet}")
    assert "env" not in container(found["etcd"])


def test_a_throwaway_control_plane_collects_its_garbage_less_often_unless_the_user_says_how_often() -> None:
    mine = {"name": "GOGC", "value": "50"}
    found = pods(changed(CFG, scheduler=Component(extra_envs=(mine,))), NODE)
    assert [container(found[name])["env"] for name in ("etcd", "kube-apiserver")] == [[mine | {"value": "400"}]] * 2
    assert container(found["kube-scheduler"])["env"] == [mine]


def test_patches_reach_their_pod() -> None:
    patches = {"etcd.yaml": b"metadata: {labels: {mine: yes-it-is}}"}
    found = pods(CFG, patches=patches)
    assert found["etcd"]["metadata"]["labels"]["mine"] == "yes-it-is"
    assert "mine" not in found["kube-apiserver"]["metadata"]["labels"]


def test_audit_policy_logs_who_touched_secrets_but_not_what_they_hold() -> None:
    """The first rule that can match a secret decides: rules before it name other resources or no resource at all."""

    def can_match(rule: dict[str, Any]) -> bool:
        resources = [name for r in rule.get("resources", []) for name in r["resources"]]
        return "secrets" in resources or not (resources or "nonResourceURLs" in rule)

    assert next(r for r in audit_policy()["rules"] if can_match(r))["level"] == "Metadata"


def test_kubelet_user_wins_over_defaults_and_machine() -> None:
    user = {"evictionHard": {"memory.available": "1Gi"}, "authentication": {"webhook": {"cacheTTL": "2m"}}}
    cfg = changed(CFG, kubelet=user)
    on_disk = node_configuration(cfg, NODE, {})
    assert on_disk["evictionHard"] == {"memory.available": "1Gi"}
    assert on_disk["authentication"]["webhook"] == {"enabled": True, "cacheTTL": "2m"}
    assert cluster_configuration(changed(CFG, kubelet={"rotateCertificates": False}))["rotateCertificates"] is True


def test_kubelet_machine_facts_stay_on_disk() -> None:
    facts = replace(NODE, cgroup_version=1, swap=("/dev/x",), resolved_active=True)
    on_disk, shared = node_configuration(CFG, facts, {}), cluster_configuration(CFG)
    assert (on_disk["failCgroupV1"], on_disk["failSwapOn"]) == (False, False)
    assert on_disk["resolvConf"] == "/run/systemd/resolve/resolv.conf"
    assert on_disk["imageGCHighThresholdPercent"] == 100
    assert on_disk["containerRuntimeEndpoint"] == runtime.NODE_RUNTIME.socket
    local = {"failCgroupV1", "failSwapOn", "resolvConf", "evictionHard", "containerRuntimeEndpoint"}
    assert not local & set(shared)
    assert not {"failCgroupV1", "failSwapOn", "evictionHard"} & set(node_configuration(CFG, HOST, {}))


def test_kubelet_patch_cannot_move_the_socket() -> None:
    patches = {"kubeletconfiguration.yaml": b"maxPods: 7\ncontainerRuntimeEndpoint: unix:///elsewhere"}
    found = node_configuration(CFG, HOST, patches)
    assert found["maxPods"] == 7 and found["containerRuntimeEndpoint"] == runtime.NODE_RUNTIME.socket


@pytest.mark.parametrize(
    ("taints", "allowed", "mode", "expected"),
    [
        (None, None, "host", 1),
        (None, None, "node", 0),
        (None, False, "node", 1),
        (None, True, "host", 0),
        ((), False, "host", 0),
        ((Taint("a", "NoExecute"), Taint("b", "NoSchedule", "v")), True, "node", 2),
    ],
)
def test_taints(taints: tuple[Taint, ...] | None, allowed: bool | None, mode: str, expected: int) -> None:
    own = BootstrapConfig(workloads_on_control_plane=allowed)
    cfg = changed(CFG, taints=taints, own=own)
    facts = HostFacts(mode=mode, hostname="n1")
    assert len(node_taints(cfg, facts)) == expected
    assert len(node_configuration(cfg, facts, {}).get("registerWithTaints", [])) == expected


def test_kubelet_flags() -> None:
    assert kubelet_flags(CFG, HOST) == b'KUBELET_KUBEADM_ARGS=""\n'
    cfg = changed(CFG, name="other", kubelet_extra_args=(Arg("v", '"2"'),))
    assert kubelet_flags(cfg, HOST) == b'KUBELET_KUBEADM_ARGS="--hostname-override=other --v=\\"2\\""\n'


FOUR, SIX = Address("eth0", "192.0.2.10", default=True), Address("eth0", "fd00::10", default=True)
SECOND = Address("eth1", "198.51.100.7", default=False)


@pytest.mark.parametrize(
    ("advertised", "services", "mode", "addresses", "expected"),
    [
        ("192.0.2.10", "10.96.0.0/12", "host", (FOUR, SIX), ""),
        ("198.51.100.7", "10.96.0.0/12", "host", (FOUR, SECOND), "198.51.100.7"),
        ("198.51.100.7", "10.96.0.0/12", "node", (FOUR, SECOND), ""),
        ("fd00::10", "fd02::/112", "node", (FOUR, SIX), "fd00::10"),
        ("fd00::10", "fd02::/112", "node", (SIX,), ""),
        ("192.0.2.10", "10.96.0.0/16,fd02::/112", "node", (FOUR, SIX), "192.0.2.10,fd00::10"),
        ("fd00::10", "fd02::/112,10.96.0.0/16", "host", (FOUR, SIX), "fd00::10,192.0.2.10"),
        ("192.0.2.10", "10.96.0.0/16,fd02::/112", "node", (FOUR,), ""),
    ],
)
def test_the_kubelet_is_told_its_addresses_where_it_would_take_another(
    advertised: str, services: str, mode: Any, addresses: tuple[Address, ...], expected: str
) -> None:
    cfg = changed(CFG, advertise_address=advertised, networking=Networking(service_subnet=services))
    flags = kubelet_flags(cfg, HostFacts(mode=mode, hostname="n1", addresses=addresses)).decode()
    assert flags == f'KUBELET_KUBEADM_ARGS="{"--node-ip=" + expected if expected else ""}"\n'


def test_kubelet_file_modes() -> None:
    modes = {f.path: f.mode for f in kubelet_files(CFG, HOST, {})}
    assert modes[names.KUBELET_CONFIG] == modes[names.KUBELET_DROP_IN] == 0o600
    unit = next(f for f in kubelet_files(CFG, HOST, {}) if f.path == names.KUBELET_UNIT)
    assert b"StartLimitIntervalSec=0" in unit.content


def test_containerd_configuration_is_toml() -> None:
    config = tomllib.loads(containerd_config(CFG, replace(HOST, can_raise_oom=False), runtime.NODE_RUNTIME))
    cri = config["plugins"]["io.containerd.cri.v1.runtime"]
    assert config["version"] == 3
    assert cri["restrict_oom_score_adj"] is True
    assert cri["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is True
    pinned = config["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]
    assert pinned == {"sandbox": "localhost/bootstrap/pause:3.10.2"}
    assert "restrict_oom_score_adj" not in containerd_config(CFG, HOST, runtime.NODE_RUNTIME)


def test_image_names() -> None:
    upstream = changed(CFG, image_repository="registry.k8s.io", kubernetes_version="v1.37.0")
    mirror = changed(CFG, image_repository="mirror.example/k8s", kubernetes_version="v1.37.0")
    assert required.coredns(upstream) == "registry.k8s.io/coredns/coredns:v1.14.6"
    assert required.coredns(mirror) == "mirror.example/k8s/coredns:v1.14.6"
    assert required.kubernetes(CFG, "kube-proxy") == "localhost/bootstrap/kube-proxy:v1.37.0_bootstrap.1"
    assert required.flannel(upstream) == "ghcr.io/flannel-io/flannel:v0.28.4"
    assert [i.rsplit("/", 1)[1].split(":")[0] for i in required.needed(CFG)] == [
        *names.CONTROL_PLANE,
        "kube-proxy",
        "coredns",
        "pause",
        "etcd",
        "flannel",
    ]
    few = changed(CFG, proxy_disabled=True, dns_disabled=True, own=BootstrapConfig(cni="none"))
    assert len(required.needed(changed(few, etcd=ExternalEtcd(())))) == 4


WORKER = ClusterConfig(node=NodeSpec("w1"))


def test_a_worker_needs_no_api_server_of_its_own() -> None:
    assert [f.path for f in kubelet_files(WORKER, HOST, {})] == [f.path for f in kubelet_files(CFG, HOST, {})]
    assert node_taints(WORKER, HOST) == ()
    assert machine.kernel(WORKER) == machine.kernel(CFG)


@pytest.mark.parametrize(
    ("services", "addresses", "flags"),
    [
        ("10.96.0.0/12", [], ""),
        ("10.96.0.0/12", [Address("eth0", "192.0.2.9", True)], ""),
        ("10.96.0.0/12", [Address("eth1", "192.0.2.8", False)], "--node-ip=192.0.2.8"),
        (
            "10.96.0.0/12,fd00::/112",
            [Address("eth0", "192.0.2.9", True), Address("eth0", "2001:db8::9", True)],
            "--node-ip=192.0.2.9,2001:db8::9",
        ),
        (
            "fd00::/112",
            [Address("eth0", "192.0.2.9", True), Address("eth0", "2001:db8::9", True)],
            "--node-ip=2001:db8::9",
        ),
    ],
)
def test_a_worker_is_known_by_its_own_address(services: str, addresses: list[Address], flags: str) -> None:
    facts = replace(HOST, hostname="w1", addresses=tuple(addresses))
    cfg = changed(WORKER, networking=Networking(services, ""))

    assert kubelet_flags(cfg, facts).decode() == f'KUBELET_KUBEADM_ARGS="{flags}"\n'


def test_a_member_that_joins_names_the_others_and_takes_their_time() -> None:
    others = {"n0": "https://192.0.2.9:2380"}
    alone, joining = (flags_of(control_plane_pods(CFG, NODE, {}, members=members)["etcd"]) for members in ({}, others))

    assert alone["initial-cluster"] == f"{CFG.node.name}=https://{CFG.api.advertise_address}:2380"
    assert joining["initial-cluster"] == f"n0=https://192.0.2.9:2380,{alone['initial-cluster']}"
    assert (alone.get("initial-cluster-state"), joining["initial-cluster-state"]) == (None, "existing")
    assert ("election-timeout" in alone, "election-timeout" in joining) == (True, False)


def test_cipher_suites_are_those_of_the_benchmark() -> None:
    """CIS 4.2.12 compares names."""
    listed = {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    }

    assert set(cluster_configuration(CFG)["tlsCipherSuites"]) == listed


def test_what_the_pod_network_writes_on_this_node_is_private() -> None:
    """CIS 1.1.9; the plugin would make its lock with 0750."""
    facts = replace(NODE, addresses=(Address("eth0", "192.0.2.10", True, mtu=1500),))
    found = flannel_files(CFG, facts, manifests())

    modes = {effect.path: effect.mode for effect in found if isinstance(effect, Directory | File)}
    assert modes == {
        names.FLANNEL_ADDRESSES: 0o700,
        f"{names.FLANNEL_ADDRESSES}/lock": 0o600,
        "/etc/cni/net.d/10-flannel.conflist": 0o600,
    }
