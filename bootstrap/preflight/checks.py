"""Every preflight check: pure functions from facts and configuration to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, LocalEtcd
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts

MINIMUM_CPUS = 2
MINIMUM_MEMORY = 1700 << 20
"""kubeadm's ControlPlaneNumCPU and ControlPlaneMem (1700 MB)."""
LOW_DISK = 2 << 30
V1_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids")
V2_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
"""Required controllers: system-validators v1.12.1 (devices and freezer have no v2 controller file)."""


@dataclass(frozen=True)
class Finding:
    """`name` is what --ignore-preflight-errors takes; an `error` stops the run unless ignored."""

    name: str
    message: str
    fix: str
    error: bool = True


@dataclass(frozen=True)
class Preflight:
    """All findings of one pass; `count` is how many checks ran."""

    count: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.error)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if not f.error)

    def raise_errors(self) -> None:
        """Raises BootstrapError (exit 4) that lists every error with its fix."""
        if not self.errors:
            return
        ignored = ",".join(f.name for f in self.errors)
        raise BootstrapError(
            f"{len(self.errors)} preflight check{'s' * (len(self.errors) > 1)} failed",
            code=Exit.PREFLIGHT,
            fix=f"correct it and run init again, or go on at your own risk: --ignore-preflight-errors={ignored}",
            details=tuple(f"[{f.name}] {f.message}. {f.fix}" for f in self.errors),
        )


Check = Callable[[ClusterConfig, HostFacts], Iterator[Finding]]


def run_checks(cfg: ClusterConfig, facts: HostFacts, *, fresh: bool) -> Preflight:
    """`fresh` is False when a cluster of ours is already here: ports and files are then rightly taken."""
    checks = CHECKS if not fresh else CHECKS + FRESH_CHECKS
    ignored = {name.lower() for name in cfg.node.ignore_preflight_errors}
    findings = []
    for check in checks:
        for finding in check(cfg, facts):
            skip = "all" in ignored or finding.name.lower() in ignored
            findings.append(Finding(finding.name, finding.message, finding.fix, finding.error and not skip))
    return Preflight(len(checks), tuple(findings))


def user(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    if not facts.root_user:
        yield Finding("IsPrivilegedUser", "not running as root", "Run as root")


def cpus(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    if facts.cpus < MINIMUM_CPUS:
        yield Finding("NumCPU", f"{facts.cpus} CPU; a control plane needs {MINIMUM_CPUS}", "Add CPUs")


def memory(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    if facts.memory < MINIMUM_MEMORY:
        yield Finding("Mem", f"{facts.memory >> 20} MiB of memory; a control plane needs 1700 MiB", "Add memory")


def cgroups(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    wanted = V2_CONTROLLERS if facts.cgroup_version == 2 else V1_CONTROLLERS
    missing = [c for c in wanted if c not in facts.cgroup_controllers]
    if missing:
        yield Finding(
            "SystemVerification",
            f"cgroup v{facts.cgroup_version} lacks the controllers {', '.join(missing)}",
            "Enable them with the kernel's command line, or delegate them to the container",
        )
    if facts.cgroup_version == 1:
        yield Finding(
            "SystemVerification",
            "cgroup v1 is in use; the kubelet is told to tolerate it",
            "Boot with systemd.unified_cgroup_hierarchy=1",
            error=False,
        )


def swap(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    if facts.swap:
        yield Finding("Swap", "swap is on: the kubelet is told to tolerate it", "swapoff -a", error=False)


def forwarding(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    subnets = (*cfg.networking.service_subnets, *cfg.networking.pod_subnets, cfg.advertise_address)
    if not facts.ip_forward and any(":" not in s for s in subnets):
        yield Finding(
            "FileContent--proc-sys-net-ipv4-ip_forward", "IPv4 forwarding is off", "sysctl -w net.ipv4.ip_forward=1"
        )
    if not facts.ipv6_forward and any(":" in s for s in subnets):
        yield Finding(
            "FileContent--proc-sys-net-ipv6-conf-default-forwarding",
            "IPv6 forwarding is off",
            "sysctl -w net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.forwarding=1",
        )


def disk(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    for path, free in facts.disk_free.items():
        if free < LOW_DISK:
            yield Finding("Disk", f"{free >> 20} MiB free below {path}", "Free at least 2 GiB", error=False)


def advertise_address(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    if cfg.advertise_address not in {a.address for a in facts.addresses}:
        known = ", ".join(a.address for a in facts.addresses) or "none"
        yield Finding(
            "AdvertiseAddress",
            f"{cfg.advertise_address} is not an address of this node (it has: {known})",
            "Give one of them with --apiserver-advertise-address",
            error=False,
        )


def ports(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    wanted = [cfg.bind_port, names.SCHEDULER_PORT, names.CONTROLLER_MANAGER_PORT, names.KUBELET_PORT]
    if isinstance(cfg.etcd, LocalEtcd):
        wanted += [names.ETCD_CLIENT_PORT, names.ETCD_PEER_PORT]
    for port in wanted:
        if port in facts.ports_in_use:
            holder = facts.ports_in_use[port] or "a process not visible from here"
            choice = ", or choose another port: --apiserver-bind-port" if port == cfg.bind_port else ""
            yield Finding(f"Port-{port}", f"port {port} is taken by {holder}", f"Stop it{choice}")


def etcd_data(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
    if isinstance(cfg.etcd, LocalEtcd) and facts.etcd_data_present:
        yield Finding(
            "DirAvailable-" + cfg.etcd.data_dir.replace("/", "-"),
            f"{cfg.etcd.data_dir} is not empty, and no cluster of ours is here",
            "Move its content away: bootstrap never deletes etcd data",
        )


CHECKS: tuple[Check, ...] = (user, cpus, memory, cgroups, swap, forwarding, disk, advertise_address)
FRESH_CHECKS: tuple[Check, ...] = (ports, etcd_data)
