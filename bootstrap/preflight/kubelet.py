"""Checks of what the configuration tells the kubelet: it ends where the machine is not as it was told."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.render.controlplane.args import last_value

KERNEL_DEFAULTS = {
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.keys.root_maxkeys": "1000000",
    "kernel.keys.root_maxbytes": "25000000",
}
"""What the kubelet sets, or with protectKernelDefaults asks for (pkg/kubelet/cm, setupKernelTunables)."""


def setting(cfg: ClusterConfig, field: str, flag: str) -> str:
    """What the user told the kubelet, as text: a flag wins over the file; empty when neither says it."""
    written = cfg.cluster.kubelet.get(field)
    default = "" if written is None else str(written).lower() if isinstance(written, bool) else str(written)
    return last_value(cfg.node.kubelet_extra_args, flag, default)


def _is_true(text: str) -> bool:
    """As Go's strconv.ParseBool has it."""
    return text in ("1", "t", "T", "true", "TRUE", "True")


@check(
    "SystemVerification",
    "cgroup v2 is in use. With v1 the kubelet is told to tolerate it, unless the configuration says `failCgroupV1`, "
    "which makes it an error.",
    "Boot with cgroup v2.",
    error=False,
    kubeadm=True,
)
def cgroup_v1(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.cgroup_version == 2:
        return
    boot = "boot with systemd.unified_cgroup_hierarchy=1"
    if _is_true(setting(cfg, "failCgroupV1", "fail-cgroupv1")):
        yield Found(
            "cgroup v1 is in use, and the configuration says failCgroupV1: true: the kubelet refuses to run",
            f"Leave failCgroupV1 out of KubeletConfiguration, or {boot}",
            error=True,
        )
    else:
        yield Found("cgroup v1 is in use; the kubelet is told to tolerate it", boot.capitalize())


@check(
    "Swap",
    "Swap is off, in memory (zram) and on disk. The kubelet is told to tolerate it, unless the configuration says "
    "`failSwapOn`, which makes it an error.",
    "Turn it off: `swapoff -a`, and the line in `/etc/fstab`.",
    error=False,
    kubeadm=True,
)
def swap(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    refused = _is_true(setting(cfg, "failSwapOn", "fail-swap-on"))
    told = (
        "the configuration says failSwapOn: true, and the kubelet refuses to run"
        if refused
        else "the kubelet is told to tolerate it"
    )
    without = ", or leave failSwapOn out of KubeletConfiguration" if refused else ""
    compressed = [device for device in facts.swap if device.startswith("/dev/zram")]
    disks = [device for device in facts.swap if device not in compressed]
    if disks:
        yield Found(
            f"swap is on ({', '.join(disks)}): {told}",
            f"swapoff -a, and take its line out of /etc/fstab{without}",
            error=refused,
        )
    if compressed:
        yield Found(
            f"compressed swap in memory is on ({', '.join(compressed)}): {told}",
            "Remove the package that sets it up (zram-generator, zram-tools or systemd-zram-generator), and reboot"
            + without,
            error=refused,
        )


@check(
    "KernelDefaults",
    "With `protectKernelDefaults` the kernel's settings are those that the kubelet wants; without, it sets them.",
    "Set them with sysctl, or leave `protectKernelDefaults` out.",
)
def kernel_defaults(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if not _is_true(setting(cfg, "protectKernelDefaults", "protect-kernel-defaults")):
        return
    wrong = {key: value for key, value in KERNEL_DEFAULTS.items() if facts.sysctls.get(key, value) != value}
    if wrong:
        yield Found(
            "the configuration says protectKernelDefaults: true, and the kubelet refuses to run with "
            + ", ".join(f"{key} = {facts.sysctls[key]}" for key in wrong),
            f"sysctl -w {' '.join(f'{key}={value}' for key, value in wrong.items())}"
            ", or leave protectKernelDefaults out of KubeletConfiguration",
        )


ALL = (cgroup_v1, swap, kernel_defaults)
