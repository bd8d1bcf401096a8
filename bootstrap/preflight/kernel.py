"""Checks of the kernel: version, configuration, modules, cgroups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.preflight.kubelet import setting

SUPPORTED = re.compile(r"5\.4\.|5\.10\.|5\.15\.|([6-9]|[1-9]\d+)\.")
"""Releases that system-validators v1.12.1 knows: long-term 5.x, and everything from 6 on."""
NFTABLES_KERNEL = (5, 13)
"""The oldest kernel on which kube-proxy starts in nftables mode (its documentation)."""

V1_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids")
V2_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
"""Required controllers: system-validators v1.12.1 (devices and freezer have no v2 controller file)."""
V1_OPTIONAL = ("hugetlb", "blkio")
V2_OPTIONAL = ("hugetlb", "io")

REQUIRED_OPTIONS: tuple[tuple[str, ...], ...] = (
    ("NAMESPACES",),
    ("NET_NS",),
    ("PID_NS",),
    ("IPC_NS",),
    ("UTS_NS",),
    ("CPUSETS",),
    ("MEMCG",),
    ("INET",),
    ("EXT4_FS",),
    ("PROC_FS",),
    ("NETFILTER_XT_TARGET_REDIRECT", "IP_NF_TARGET_REDIRECT"),
    ("NETFILTER_XT_MATCH_COMMENT",),
    ("FAIR_GROUP_SCHED",),
    ("CGROUPS",),
    ("CGROUP_PIDS",),
    ("CGROUP_SCHED",),
)
"""Kernel options (without `CONFIG_`) that have to be `y` or `m`, with their older names: system-validators v1.12.1."""
V1_OPTIONS = (("CGROUP_CPUACCT",), ("CGROUP_DEVICE",), ("CGROUP_FREEZER",))
V2_OPTIONS = (("CGROUP_BPF",),)


@dataclass(frozen=True)
class RequiredModule:
    """A kernel module, the option that builds it in, and who needs it."""

    name: str
    option: str
    user: str


MODULES = (
    RequiredModule("overlay", "OVERLAY_FS", "containerd"),
    RequiredModule("br_netfilter", "BRIDGE_NETFILTER", "flannel"),
    RequiredModule("vxlan", "VXLAN", "flannel"),
    RequiredModule("nf_tables", "NF_TABLES", "kube-proxy"),
)
OPTIONS = frozenset(
    [name for group in (*REQUIRED_OPTIONS, *V1_OPTIONS, *V2_OPTIONS) for name in group] + [m.option for m in MODULES]
)
"""Every option that something here looks at."""


@check(
    "SystemVerification",
    "The kernel is 5.4, 5.10, 5.15, or 6 and later.",
    "Boot a kernel that is still maintained.",
    error=False,
    kubeadm=True,
)
def release(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if not SUPPORTED.match(facts.kernel.release):
        yield Found(
            f"Linux {facts.kernel.release} is none of the maintained releases 5.4, 5.10, 5.15, 6 and later",
            "Boot a kernel that is still maintained",
        )


@check(
    "SystemVerification",
    "The kernel has the options that containers need, where its configuration can be read.",
    "Boot a kernel that has them.",
    kubeadm=True,
)
def options(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    found = facts.kernel.config
    if found is None:
        if facts.mode == "host":
            yield Found(
                f"the configuration of kernel {facts.kernel.release} cannot be read, so it is not checked",
                "Try modprobe configs, or install the package that has /boot/config-*",
                error=False,
            )
        return
    groups = (*REQUIRED_OPTIONS, *(V2_OPTIONS if facts.cgroup_version == 2 else V1_OPTIONS))
    missing = [f"CONFIG_{group[0]}" for group in groups if not any(name in found for name in group)]
    if missing:
        yield Found(f"the kernel lacks {', '.join(missing)}", "Boot a kernel that has them")


@check(
    "SystemVerification",
    "The cgroup controllers that the kubelet needs are there; `hugetlb`, and `io` or `blkio`, are missed with a "
    "warning.",
    "Enable them on the kernel's command line.",
    kubeadm=True,
)
def cgroups(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    v2 = facts.cgroup_version == 2
    for error, wanted in (
        (True, V2_CONTROLLERS if v2 else V1_CONTROLLERS),
        (False, V2_OPTIONAL if v2 else V1_OPTIONAL),
    ):
        missing = [c for c in wanted if c not in facts.cgroup_controllers]
        if missing:
            yield Found(
                f"cgroup v{facts.cgroup_version} lacks the {'' if error else 'optional '}controllers "
                + ", ".join(missing),
                "Enable them with the kernel's command line, or delegate them to the container",
                error=error,
            )


@check(
    "CgroupDriver",
    "The kubelet's cgroup driver is `systemd` exactly where systemd manages the cgroups.",
    "Set `cgroupDriver` in KubeletConfiguration.",
)
def cgroup_driver(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    driver = setting(cfg, "cgroupDriver", "cgroup-driver") or "systemd"
    if driver == "systemd" and not facts.systemd:
        yield Found(
            "the cgroup driver is systemd, and systemd does not run here",
            "Run it on a machine with systemd, or set cgroupDriver: cgroupfs in KubeletConfiguration",
        )
    if driver == "cgroupfs" and facts.systemd:
        yield Found(
            "the cgroup driver is cgroupfs, and systemd manages the same cgroups: under pressure both lose track",
            "Leave cgroupDriver out of KubeletConfiguration: systemd is the default",
            error=False,
        )


@check(
    "KernelVersion",
    "Linux 5.13 or later where kube-proxy runs in nftables mode, the default.",
    "Boot a newer kernel, or choose kube-proxy's iptables mode.",
)
def nftables_kernel(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    version = tuple(int(part) for part in re.findall(r"\d+", facts.kernel.release)[:2])
    if _proxy_mode(cfg) == "nftables" and version < NFTABLES_KERNEL:
        yield Found(
            f"Linux {facts.kernel.release}: kube-proxy's nftables mode needs 5.13",
            "Boot a newer kernel, or set mode: iptables in KubeProxyConfiguration",
        )


@check(
    "ProxyMode",
    "kube-proxy's mode is not `ipvs` where its image is of our own build, which has no `ipset`.",
    "nftables (the default) or iptables; or another `imageRepository`.",
)
def proxy_mode(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if _proxy_mode(cfg) == "ipvs" and cfg.cluster.image_repository == names.BUILT_REPOSITORY:
        yield Found(
            "kube-proxy's image has no ipset, which its mode ipvs needs",
            "Set mode: nftables or iptables in KubeProxyConfiguration, or an imageRepository with another kube-proxy",
        )


@check(
    "KernelModule-*",
    "Each module that the runtime, flannel and kube-proxy need is loaded, built in, or can be loaded.",
    "Install the modules of the running kernel, or reboot into the one whose modules are installed.",
    host=True,
)
def modules(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    needed = {"containerd", *(["flannel"] if cfg.own.cni == "flannel" else [])}
    needed |= {"kube-proxy"} if _proxy_mode(cfg) == "nftables" else set()
    for module in MODULES:
        if module.user in needed and facts.kernel.modules.get(module.name, "missing") == "missing":
            yield Found(
                f"{module.user} needs the kernel module {module.name}, and kernel {facts.kernel.release} has none",
                "Install the modules of this kernel; after an upgrade of the kernel, reboot",
                where=module.name,
            )


def _proxy_mode(cfg: ClusterConfig) -> str:
    """kube-proxy's; empty where there is none of ours."""
    return "" if cfg.cluster.proxy_disabled else str(cfg.cluster.kube_proxy.get("mode", "nftables"))


ALL = (release, options, cgroups, cgroup_driver, nftables_kernel, proxy_mode, modules)
