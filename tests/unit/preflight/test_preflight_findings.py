"""Each check: silent on a good host, exactly its finding, with its severity and a way out, on a bad one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bootstrap.model.cluster import (
    Arg,
    BootstrapConfig,
    ClusterConfig,
    Component,
    ExternalEtcd,
    Networking,
)
from bootstrap.model.facts import Address, Attached, Filesystem, ListeningSocket, Resolver, RuntimeFacts
from bootstrap.preflight.checks import CHECKS
from bootstrap.preflight.kernel import V1_CONTROLLERS, V1_OPTIONAL
from tests.configs import changed
from tests.unit.preflight.machine import CFG, GOOD, named, run

ERROR, WARNING = True, False
ETCD = ExternalEtcd(endpoints=("https://192.0.2.20:2379",), ca_file="/etc/etcd/ca.crt")
EXTERNAL = changed(CFG, etcd=ETCD)
V6 = changed(
    CFG, advertise_address="2001:db8::1", networking=Networking(service_subnet="fd00::/112", pod_subnet="fd01::/48")
)
PROTECTED = changed(CFG, kubelet={"protectKernelDefaults": True})
V6_ADDRESS = (Address("eth0", "2001:db8::1", True),)
ETH0, ETH1 = Address("eth0", "192.0.2.10", True), Address("eth1", "198.51.100.4", False)
PROXY = {"HTTPS_PROXY": "http://user:secret@proxy.example:3128"}
CONFIG = dict(GOOD.kernel.config or {})
V1_OPTIONS = {**CONFIG, "CGROUP_CPUACCT": "y", "CGROUP_DEVICE": "y", "CGROUP_FREEZER": "y"}
V1: dict[str, Any] = {
    "cgroup_version": 1,
    "cgroup_controllers": V1_CONTROLLERS + V1_OPTIONAL,
    "kernel": {"config": V1_OPTIONS},
}
EVERYTHING = "192.0.2.0/24,10.96.0.0/12,10.244.0.0/16"


def filesystem(path: str, **changes: Any) -> dict[str, dict[str, Filesystem]]:
    known = GOOD.configured.filesystems
    return {"filesystems": {**known, path: dataclasses.replace(known[path], **changes)}}


def with_args(component: str, *args: Arg) -> ClusterConfig:
    return changed(CFG, **{component: Component(extra_args=args)})


CASES: list[tuple[dict[str, Any], str, bool]] = [
    ({"root_user": False}, "IsPrivilegedUser", ERROR),
    ({"privileged": False}, "Privileged", WARNING),
    ({"cpus": 1}, "NumCPU", ERROR),
    ({"memory": (1700 << 20) - 1}, "Mem", ERROR),
    ({"swap": ("/dev/vda2",)}, "Swap", WARNING),
    ({"swap": ("/dev/zram0",)}, "Swap", WARNING),
    ({"configured": {"name_resolves": False}}, "Hostname", WARNING),
    ({"clock": {"now": 0.0}}, "Clock", ERROR),
    ({"clock": {"now": 4102444800.0}}, "Clock", ERROR),
    ({"configured": {"ca_not_before": 1767225601.0}}, "Clock", ERROR),
    ({"clock": {"synchronized": False}}, "TimeSync", WARNING),
    ({"kernel": {"release": "5.14.0-503.el9"}}, "SystemVerification", WARNING),
    ({"kernel": {"config": None}}, "SystemVerification", WARNING),
    ({"kernel": {"config": {k: v for k, v in CONFIG.items() if k != "MEMCG"}}}, "SystemVerification", ERROR),
    ({"cgroup_controllers": ("cpu", "memory", "pids", "hugetlb", "io")}, "SystemVerification", ERROR),
    ({"cgroup_controllers": ("cpu", "cpuset", "memory", "pids", "io")}, "SystemVerification", WARNING),
    ({"systemd": False}, "CgroupDriver", ERROR),
    ({"kernel": {"release": "5.10.0-36-amd64"}}, "KernelVersion", ERROR),
    ({"kernel": {"modules": {**GOOD.kernel.modules, "vxlan": "missing"}}}, "KernelModule-vxlan", ERROR),
    ({"ip_forward": False, "mode": "node"}, "FileContent--proc-sys-net-ipv4-ip_forward", ERROR),
    ({"addresses": (), "attached": ()}, "AdvertiseAddress", ERROR),
    ({"attached": (Attached("eth0", "10.244.0.0/16", "10.244.0.2"),)}, "NetworkOverlap", ERROR),
    ({"addresses": (ETH0, ETH1)}, "NetworkInterfaces", WARNING),
    ({"has_default_route": False}, "DefaultRoute", WARNING),
    ({"addresses": (dataclasses.replace(ETH0, mtu=1400),)}, "MTU", WARNING),
    ({"addresses": (ETH0, dataclasses.replace(ETH1, mtu=9000)), "configured": {"address_given": True}}, "MTU", WARNING),
    ({"resolver": Resolver(servers=())}, "ResolvConf", WARNING),
    ({"resolver": Resolver(servers=("127.0.0.1", "192.0.2.53"))}, "ResolvConf", WARNING),
    ({"resolver": Resolver(servers=("127.0.0.53",)), "pod_servers": ()}, "ResolvConf", ERROR),
    ({"resolver": Resolver(servers=(), problem="does not exist")}, "ResolvConf", ERROR),
    ({"resolver": Resolver(servers=("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"))}, "ResolvConf", WARNING),
    ({"units": {"firewalld.service": "active"}}, "Firewalld", WARNING),
    ({"proxies": {**PROXY, "NO_PROXY": "10.96.0.0/12,10.244.0.0/16"}}, "HTTPProxy", WARNING),
    ({"proxies": {**PROXY, "NO_PROXY": "192.0.2.10,10.96.0.0/12,10.244.0.1"}}, "HTTPProxyCIDR", WARNING),
    ({"listeners": (ListeningSocket(6443, "0.0.0.0", 812, "haproxy"),)}, "Port-6443", ERROR),
    ({"listeners": (ListeningSocket(10259, "127.0.0.1"),)}, "Port-10259", ERROR),
    ({"listeners": (ListeningSocket(10257, "::"),)}, "Port-10257", ERROR),
    ({"listeners": (ListeningSocket(10250),)}, "Port-10250", ERROR),
    ({"listeners": (ListeningSocket(10248, "127.0.0.1"),)}, "Port-10248", ERROR),
    ({"listeners": (ListeningSocket(2379, "127.0.0.1"),)}, "Port-2379", ERROR),
    ({"listeners": (ListeningSocket(2380, "192.0.2.10"),)}, "Port-2380", ERROR),
    ({"listeners": (ListeningSocket(2381, "127.0.0.1"),)}, "Port-2381", ERROR),
    ({"configured": filesystem("/var/lib/etcd", free=1 << 30)}, "Disk", WARNING),
    ({"configured": filesystem("/var/lib/etcd", free=100 << 20)}, "Disk", ERROR),
    ({"configured": filesystem("/var/lib/etcd", inodes_free=50)}, "Inodes", WARNING),
    ({"configured": filesystem("/var/lib/etcd", inodes_free=3)}, "Inodes", ERROR),
    ({"configured": filesystem("/var/lib/etcd", options=("ro",))}, "ReadOnly", ERROR),
    ({"configured": filesystem("/opt/bootstrap/bin", mount="/opt", options=("noexec",))}, "NoExec", ERROR),
    ({"configured": filesystem("/var/lib/kubelet", options=("nodev",))}, "VolumeMounts", WARNING),
    ({"configured": {"fsync_seconds": 0.0101}}, "EtcdDisk", WARNING),
    *(
        (
            {"configured": {"present": (f"/etc/kubernetes/manifests/{component}.yaml",)}},
            f"FileAvailable--etc-kubernetes-manifests-{component}.yaml",
            ERROR,
        )
        for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    ),
    ({"configured": {"strangers": ("kube-apiserver.yaml.bak",)}}, "StaticPods", WARNING),
    ({"configured": {"present": ("/var/lib/etcd",)}}, "DirAvailable--var-lib-etcd", ERROR),
    ({"configured": {"runtime": RuntimeFacts(error="connection refused")}}, "CRI", ERROR),
    ({"configured": {"runtime": RuntimeFacts(ready=False)}}, "CRI", ERROR),
    ({"configured": {"runtime": RuntimeFacts(runtime_config=False)}}, "ContainerRuntimeVersion", WARNING),
    ({"configured": {"runtime": RuntimeFacts(systemd_cgroup=False)}}, "RuntimeCgroups", ERROR),
    (
        {"configured": {"runtime": RuntimeFacts(absent_sandbox_image="registry.k8s.io/pause:3.8")}},
        "RuntimeSandbox",
        WARNING,
    ),
    (
        {"configured": {"runtime": RuntimeFacts(cni_bin=("/usr/lib/cni",), cni_conf="/etc/cni/net.d")}},
        "RuntimeCNI",
        ERROR,
    ),
    ({"configured": {"runtime": RuntimeFacts(cni_bin=("/opt/cni/bin",), cni_conf="/x")}}, "RuntimeCNI", ERROR),
    ({"executables": ("mount",)}, "FileExisting-losetup", ERROR),
    ({"executables": ("losetup",)}, "FileExisting-mount", ERROR),
    ({"kubelet_version": "v1.33.9"}, "KubeletVersion", ERROR),
    ({"kubelet_version": "v1.38.0"}, "KubeletVersion", ERROR),
    ({"units": {"kubelet.service": "masked"}}, "Service-kubelet", WARNING),
    ({"configured": {"present": ("/etc/kubernetes/pki",)}}, "Leftovers-kubeadm", WARNING),
    ({"configured": {"present": ("/var/lib/rancher/k3s",)}}, "Leftovers-k3s", WARNING),
    ({"configured": {"present": ("/etc/rancher/rke2",)}}, "Leftovers-rke2", WARNING),
    ({"configured": {"present": ("/var/lib/k0s",)}}, "Leftovers-k0s", WARNING),
    ({"configured": {"present": ("/var/snap/microk8s/current",)}}, "Leftovers-microk8s", WARNING),
    ({"configured": {"present": ("/var/lib/minikube",)}}, "Leftovers-minikube", WARNING),
    (
        {"configured": {"present": ("/etc/kubernetes/bootstrap", "/etc/kubernetes/pki")}},
        "Leftovers-bootstrap",
        WARNING,
    ),
    ({"units": {"k3s.service": "active"}}, "Leftovers-k3s", ERROR),
    ({"units": {"kubelet.service": "active"}}, "Leftovers-kubeadm", ERROR),
    ({"links": ("lo", "eth0", "cni0", "flannel.1")}, "Leftovers-links", WARNING),
    ({"links": ("lo", "eth0", "kube-ipvs0")}, "Leftovers-links", WARNING),
    ({"chains": ("KUBE-SERVICES", "KUBE-NODEPORTS")}, "Leftovers-rules", WARNING),
]
WITH_CONFIG: list[tuple[ClusterConfig, dict[str, Any], str, bool]] = [
    (changed(CFG, name="n" * 64), {}, "Hostname", WARNING),
    (changed(CFG, certificate_validity=8761 * 3600), {}, "CertificateValidity", WARNING),
    (changed(CFG, kube_proxy={"mode": "ipvs"}), {}, "ProxyMode", ERROR),
    (changed(CFG, kubelet={"cgroupDriver": "cgroupfs"}), {}, "CgroupDriver", WARNING),
    (changed(CFG, kubelet={"failCgroupV1": True}), V1, "SystemVerification", ERROR),
    (changed(CFG, kubelet={"failSwapOn": True}), {"swap": ("/dev/vda2",)}, "Swap", ERROR),
    (PROTECTED, {"sysctls": {"vm.overcommit_memory": "0", "kernel.panic": "10"}}, "KernelDefaults", ERROR),
    (
        V6,
        {"addresses": V6_ADDRESS, "ipv6_forward": False, "mode": "node"},
        "FileContent--proc-sys-net-ipv6-conf-default-forwarding",
        ERROR,
    ),
    (EXTERNAL, {}, "ExternalEtcdClientCertificates", ERROR),
    (
        EXTERNAL,
        {"configured": {"present": ("/etc/etcd/ca.crt",), "etcd_versions": {"https://192.0.2.20:2379": "3.5.23"}}},
        "ExternalEtcdVersion",
        ERROR,
    ),
    (
        EXTERNAL,
        {"configured": {"present": ("/etc/etcd/ca.crt",), "etcd_versions": {"https://e:2379": "error: refused"}}},
        "ExternalEtcdVersion",
        ERROR,
    ),
]
TABLE = [(CFG, *case) for case in CASES] + WITH_CONFIG


@pytest.mark.parametrize(("cfg", "changes", "name", "error"), TABLE, ids=[row[2] for row in TABLE])
def test_what_is_wrong_is_found(cfg: ClusterConfig, changes: dict[str, Any], name: str, error: bool) -> None:
    result = run(cfg, **changes)

    assert named(result) == [name]
    assert result.findings[0].error is error
    assert result.findings[0].message
    assert result.findings[0].fix


def test_every_check_is_in_the_table() -> None:
    seen = {
        outcome.check for cfg, changes, _, _ in TABLE for outcome in run(cfg, **changes).outcomes if outcome.findings
    }

    assert [check.name for check in CHECKS if check not in seen] == []


def test_exactly_enough_is_enough() -> None:
    full = {
        "filesystems": {
            path: Filesystem(path, size, inodes, inodes)
            for path, size, inodes in (("/var/lib/etcd", 2 << 30, 100), ("/var/lib/containerd", 4 << 30, 20_000))
        },
        "fsync_seconds": 0.010,
        "ca_not_before": GOOD.clock.now if GOOD.clock else 0,
    }

    assert run(cpus=2, memory=1700 << 20, configured=full).findings == ()


def test_paths_on_one_filesystem_need_room_together() -> None:
    one = {path: Filesystem("/", 5 << 30, 0, 0) for path in GOOD.configured.filesystems}

    finding = run(configured={"filesystems": one}).findings[0]

    assert "5.0 GiB free on the filesystem /" in finding.message
    assert "8.6 GiB are needed" in finding.message


def test_who_holds_a_port_is_named_with_what_stops_it() -> None:
    held = ListeningSocket(6443, "::", 812, "haproxy", "haproxy.service")

    finding = run(listeners=(held, dataclasses.replace(held, address="0.0.0.0"))).findings[0]

    assert "port 6443 is taken by pid 812, haproxy, unit haproxy.service; kube-apiserver needs it" in finding.message
    assert finding.fix == "systemctl stop haproxy.service, or choose another port: --apiserver-bind-port"
    assert "not visible" in run(listeners=(ListeningSocket(6443),)).findings[0].message


def test_only_the_port_that_can_be_chosen_is_offered_to_be_chosen() -> None:
    assert "--apiserver-bind-port" not in run(listeners=(ListeningSocket(10250),)).findings[0].fix


def test_the_chosen_port_is_the_one_that_is_checked() -> None:
    cfg = changed(CFG, bind_port=7443)

    assert named(run(cfg, listeners=(ListeningSocket(6443), ListeningSocket(7443)))) == ["Port-7443"]


def test_a_port_at_another_address_is_no_clash() -> None:
    loopback = ListeningSocket(10257, "127.0.0.1")

    assert run(with_args("controller_manager", Arg("bind-address", "192.0.2.10")), listeners=(loopback,)).findings == ()
    assert run(listeners=(ListeningSocket(2380, "127.0.0.1"), ListeningSocket(10248, "192.0.2.10"))).findings == ()


def test_external_etcd_needs_no_port_no_data_no_disk() -> None:
    cfg = changed(CFG, etcd=ExternalEtcd(endpoints=("https://192.0.2.20:2379",)))

    result = run(
        cfg,
        listeners=(ListeningSocket(2379), ListeningSocket(2380)),
        configured={"present": ("/var/lib/etcd",), "fsync_seconds": 1.0, "etcd_versions": {"https://e": "3.5.24"}},
    )

    assert result.findings == ()


def test_forwarding_matters_for_the_families_in_use_only() -> None:
    assert run(V6, addresses=V6_ADDRESS, ip_forward=False).findings == ()
    assert run(ipv6_forward=False, mode="node").findings == ()


def test_which_interface_was_chosen_and_why() -> None:
    routed = run(addresses=(ETH0, ETH1)).findings[0]
    isolated = run(addresses=(dataclasses.replace(ETH0, default=False), ETH1)).findings[0]

    assert "eth0 192.0.2.10, eth1 198.51.100.4" in routed.message
    assert "192.0.2.10 of eth0 was chosen, since it has the default route" in routed.message
    assert "no interface has a default route" in isolated.message
    assert routed.fix.endswith("--apiserver-advertise-address 192.0.2.10")
    assert run(addresses=(ETH0, ETH1), configured={"address_given": True}).findings == ()


def test_two_addresses_of_one_interface_are_no_choice_of_interface() -> None:
    assert run(addresses=(ETH0, dataclasses.replace(ETH0, address="192.0.2.11"))).findings == ()


def test_without_a_default_route_a_host_gets_one_for_services() -> None:
    assert "route for the Service range 10.96.0.0/12" in run(has_default_route=False).findings[0].message
    assert "Service range" not in run(has_default_route=False, mode="node").findings[0].message


def test_a_proxy_is_told_with_the_exceptions_that_it_lacks_and_without_its_password() -> None:
    findings = run(proxies={**PROXY, "NO_PROXY": "example.com"}).findings

    assert [f.name for f in findings] == ["HTTPProxy", "HTTPProxyCIDR", "HTTPProxyCIDR"]
    assert {f.fix for f in findings} == {
        "NO_PROXY=example.com,192.0.2.10,10.96.0.0/12,10.244.0.0/16,.svc,.cluster.local"
    }
    assert "proxy.example:3128" in findings[0].message
    assert "secret" not in findings[0].message


@pytest.mark.parametrize(
    "exceptions", [EVERYTHING, "*", "192.0.2.10,10.0.0.0/8", " 192.0.2.10 , 10.96.0.0/12,10.244.0.0/15"]
)
def test_exceptions_that_cover_everything_are_enough(exceptions: str) -> None:
    assert run(proxies={**PROXY, "NO_PROXY": exceptions}).findings == ()
    assert run(proxies={"https_proxy": "http://p", "no_proxy": exceptions}).findings == ()


def test_a_proxy_for_plain_http_concerns_nothing_of_the_cluster() -> None:
    assert run(proxies={"HTTP_PROXY": "http://proxy.example:3128"}).findings == ()


def test_cgroup_v1_is_tolerated_with_a_warning() -> None:
    result = run(**V1)

    assert [(f.name, f.error) for f in result.findings] == [("SystemVerification", WARNING)]
    assert "cgroup v1" in result.findings[0].message


def test_what_is_missing_is_named() -> None:
    controllers = run(cgroup_controllers=("cpu", "memory", "pids", "io", "hugetlb")).findings[0]
    config = run(kernel={"config": {k: v for k, v in CONFIG.items() if k not in ("MEMCG", "INET")}}).findings[0]

    assert "cpuset" in controllers.message
    assert "CONFIG_MEMCG, CONFIG_INET" in config.message


def test_modules_are_needed_by_what_is_installed_only() -> None:
    none = dict.fromkeys(GOOD.kernel.modules, "missing")
    without = changed(CFG, own=BootstrapConfig(cni="none"), proxy_disabled=True)
    iptables = changed(CFG, kube_proxy={"mode": "iptables"})

    assert named(run(without, kernel={"modules": none})) == ["KernelModule-overlay"]
    assert named(run(iptables, kernel={"modules": {**GOOD.kernel.modules, "nf_tables": "missing"}})) == []


def test_an_old_kernel_will_do_for_iptables() -> None:
    cfg = changed(CFG, kube_proxy={"mode": "iptables"})

    assert run(cfg, kernel={"release": "5.10.0-36-amd64"}).findings == ()


def test_a_kubelet_of_a_package_that_waits_for_its_configuration_is_no_leftover() -> None:
    assert run(units={"kubelet.service": "disabled"}).findings == ()


@pytest.mark.parametrize("version", ["v1.34.0", "v1.36.2", "v1.37.5", ""])
def test_kubelets_within_the_skew_are_fine(version: str) -> None:
    assert run(kubelet_version=version).findings == ()
