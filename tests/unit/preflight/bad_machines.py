"""One machine, or configuration, at least for each check that finds something: `TABLE`; the docs show what is found."""

from __future__ import annotations

import dataclasses
from typing import Any

from bootstrap.model import names
from bootstrap.model.cluster import (
    Arg,
    ClusterConfig,
    Component,
    ExternalEtcd,
    Networking,
    Taint,
)
from bootstrap.model.facts import (
    Address,
    Attached,
    Filesystem,
    Inotify,
    Limits,
    ListeningSocket,
    Namesake,
    Resolver,
    RuntimeFacts,
)
from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.preflight.kernel import V1_CONTROLLERS, V1_OPTIONAL
from tests.configs import changed
from tests.unit.preflight.machine import CFG, GOOD

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


def own(**changes: Any) -> ClusterConfig:
    return dataclasses.replace(CFG, own=dataclasses.replace(CFG.own, **changes))


CASES: list[tuple[dict[str, Any], str, bool]] = [
    ({"root_user": False}, "IsPrivilegedUser", ERROR),
    ({"privileged": False}, "Privileged", WARNING),
    ({"cpus": 1}, "NumCPU", ERROR),
    ({"memory": (1700 << 20) - 1}, "Mem", ERROR),
    ({"mode": "node", "limits": Limits(memory=1 << 30)}, "Mem", WARNING),
    ({"mode": "node", "limits": Limits(memory=450 << 20)}, "Mem", ERROR),
    ({"mode": "node", "limits": Limits(cpus=0.5)}, "NumCPU", WARNING),
    ({"mode": "node", "limits": Limits(processes=100)}, "Processes", ERROR),
    ({"inotify": Inotify(instances=20, watches=300)}, "Inotify", ERROR),
    ({"inotify": Inotify(instances=26, watches=10)}, "Inotify", ERROR),
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
    ({"initial_network": True, "mode": "node"}, "HostNetwork", ERROR),
    ({"links": ("lo", "eth0", "docker0"), "mode": "node"}, "HostNetwork", ERROR),
    ({"ip_forward": False, "mode": "node"}, "FileContent--proc-sys-net-ipv4-ip_forward", ERROR),
    ({"addresses": (), "attached": ()}, "AdvertiseAddress", ERROR),
    ({"attached": (Attached("eth0", "10.244.0.0/16", "10.244.0.2"),)}, "NetworkOverlap", ERROR),
    ({"addresses": (ETH0, ETH1)}, "NetworkInterfaces", WARNING),
    ({"has_default_route": False}, "DefaultRoute", WARNING),
    ({"addresses": (dataclasses.replace(ETH0, mtu=1400),)}, "MTU", WARNING),
    ({"addresses": (ETH0, dataclasses.replace(ETH1, mtu=9000)), "configured": {"address_given": True}}, "MTU", WARNING),
    ({"resolver": Resolver(servers=())}, "ResolvConf", WARNING),
    ({"resolver": Resolver(servers=("127.0.0.1", "192.0.2.53"))}, "ResolvConf", WARNING),
    ({"resolver": Resolver(servers=("127.0.0.53",)), "pod_servers": ("192.0.2.1",)}, "ResolvConf", WARNING),
    ({"resolver": Resolver(servers=(), problem="does not exist")}, "ResolvConf", WARNING),
    ({"configured": {"resolver": Resolver("/x", ("127.0.0.1",))}}, "ResolvConf", ERROR),
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
    (changed(CFG, image_pull_policy="Always"), {}, "ImagePullOptions", WARNING),
    (changed(CFG, image_pull_serial=False), {}, "ImagePullOptions", WARNING),
    (changed(CFG, image_repository="registry.k8s.io", image_pull_serial=False), {}, "ImagePullOptions", WARNING),
    (changed(CFG, kubelet={"cgroupDriver": "cgroupfs"}), {}, "CgroupDriver", WARNING),
    (changed(CFG, kubelet={"failCgroupV1": True}), V1, "SystemVerification", ERROR),
    (changed(CFG, kubelet_extra_args=(Arg("node-ip", "198.51.100.1"),)), {}, "ListenAddress", ERROR),
    (changed(CFG, taints=(Taint("gpu", "NoSchedule", "yes"),)), {}, "Taints", WARNING),
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
VIP = own(control_plane_vip=VirtualAddress("192.0.2.200"))
HOLDER = "the machine with the hardware address 02:42:c0:00:02:c8"
LAN = Attached("eth0", "192.0.2.0/24", "192.0.2.10")
WITH_CONFIG += [
    (VIP, {"configured": {"virtual_address_holder": HOLDER}}, "VirtualAddressFree", ERROR),
    (VIP, {"attached": (LAN, Attached("eth0", "192.0.2.200/32", "192.0.2.200"))}, "VirtualAddressFree", ERROR),
    (own(control_plane_vip=VirtualAddress("203.0.113.9")), {}, "VirtualAddressNetwork", ERROR),
    (own(control_plane_vip=VirtualAddress("192.0.2.200", "eth9")), {}, "VirtualAddressNetwork", ERROR),
    (
        own(control_plane_vip=VirtualAddress("192.0.2.200", unicast_peers=("192.0.2.11", "192.0.2.12"))),
        {},
        "VirtualAddressPeers",
        ERROR,
    ),
    (
        VIP,
        {"units": {"keepalived.service": "active"}, "configured": {"virtual_router_ids": (200, 201)}},
        "VirtualRouter",
        ERROR,
    ),
    (
        VIP,
        {"units": {"keepalived.service": "active"}, "configured": {"virtual_router_ids": (51,)}},
        "VirtualRouter",
        WARNING,
    ),
    (VIP, {"configured": {"virtual_routers": {200: "192.0.2.7, for 192.0.2.100"}}}, "VirtualRouter", ERROR),
]
JOINS = dataclasses.replace(CFG, node=dataclasses.replace(CFG.node, server="192.0.2.1:6443"))
WORKER = dataclasses.replace(JOINS, node=dataclasses.replace(JOINS.node, api=None))


def of_cluster(cfg: ClusterConfig, version: str, repository: str = names.UPSTREAM_REPOSITORY) -> ClusterConfig:
    return changed(cfg, kubernetes_version=version, image_repository=repository)


def seen(**changes: Any) -> dict[str, Any]:
    """What the cluster said."""
    return {"configured": {"server_version": names.KUBERNETES_VERSION, **changes}}


OTHER = "192.0.2.77"
JOINING: list[tuple[ClusterConfig, dict[str, Any], str, bool]] = [
    (WORKER, seen(namesake=Namesake(ready=True, itself=False, address=OTHER)), "NodeName", ERROR),
    (JOINS, seen(namesake=Namesake(ready=False, itself=False, address=OTHER)), "NodeName", WARNING),
    (WORKER, seen(behind=301.0), "ClockSkew", ERROR),
    (JOINS, seen(behind=-301.0), "ClockSkew", ERROR),
    (WORKER, seen(behind=-301.0), "ClockSkew", WARNING),
    (WORKER, seen(behind=20.0), "ClockSkew", WARNING),
    (WORKER, {"configured": {"server_version": "v1.36.3"}}, "ClusterVersion", ERROR),
    (WORKER, {"configured": {"server_version": "v1.41.0-rc.1"}}, "ClusterVersion", ERROR),
    (of_cluster(JOINS, "v1.36.3"), seen(), "ClusterVersion", ERROR),
    (of_cluster(JOINS, "v1.38.0"), {"configured": {"server_version": "v1.38.0"}}, "ClusterVersion", ERROR),
    (of_cluster(WORKER, "v1.38.0+bootstrap.1", names.BUILT_REPOSITORY), seen(), "ClusterImages", WARNING),
    (WORKER, {"attached": (Attached("eth0", "10.96.0.0/16", "10.96.0.9"),)}, "NetworkOverlap", ERROR),
    (
        dataclasses.replace(WORKER, node=dataclasses.replace(WORKER.node, server="10.96.7.7:6443")),
        {},
        "NetworkOverlap",
        ERROR,
    ),
    (WORKER, {"proxies": {**PROXY, "NO_PROXY": f"192.0.2.10,{EVERYTHING[13:]}"}}, "HTTPProxy", WARNING),
]
TABLE = [(CFG, *case) for case in CASES] + WITH_CONFIG + JOINING
