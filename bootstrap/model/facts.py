"""What one read pass of the host found. A plain value: tests write their own, and JSON holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Address:
    """One global unicast address of an interface; `default` if that interface has a default route, of this `metric`."""

    interface: str
    address: str
    default: bool
    mtu: int = 1500
    metric: int = 0


@dataclass(frozen=True)
class Attached:
    """A network (CIDR) that an interface is in or has a route to; `address` is the machine's own in it, if any."""

    interface: str
    network: str
    address: str = ""


@dataclass(frozen=True)
class Resolver:
    """A resolv.conf: what its `nameserver` lines say. `problem`: why it cannot be read, empty when it can."""

    path: str = "/etc/resolv.conf"
    servers: tuple[str, ...] = ("192.0.2.53",)
    problem: str = ""


@dataclass(frozen=True)
class ListeningSocket:
    """A TCP port that something listens on; `address` is `0.0.0.0` or `::` for all. Empty `process`: not visible."""

    port: int
    address: str = "0.0.0.0"
    pid: int = 0
    process: str = ""
    unit: str = ""

    @property
    def holder(self) -> str:
        """`pid 812, haproxy, unit haproxy.service`."""
        return f"pid {self.pid}, {self.process}" + (f", unit {self.unit}" if self.unit else "")


@dataclass(frozen=True)
class Filesystem:
    """The filesystem that a path is on, or will be on: bytes and inodes (0 inodes in total: it does not count them).

    `options` are those of `preflight.mounts.RESTRICTIONS` that it is mounted with.
    """

    mount: str
    free: int
    inodes: int
    inodes_free: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """Seconds since the epoch; `built` is when this program was made (0: not known)."""

    now: float
    built: float = 0
    synchronized: bool = True


@dataclass(frozen=True)
class Inotify:
    """How many inotify instances and watches can still be made (counted up to what a cluster needs), and the limits.

    `held`: instances that a cluster which is here holds already.
    """

    instances: int
    watches: int
    held: int = 0
    max_instances: int = 128
    max_watches: int = 65536


@dataclass(frozen=True)
class Limits:
    """What a container may use of its machine; 0: no limit. Memory in bytes."""

    memory: int = 0
    cpus: float = 0
    processes: int = 0


@dataclass(frozen=True)
class Kernel:
    """`modules` and `config` hold only what preflight.kernel asks for.

    A module is `loaded`, `built in`, `loadable` or `missing`; an option (without `CONFIG_`) is `y` or `m`.
    """

    release: str = "6.12.0"
    modules: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] | None = None
    """None where no file with the kernel's configuration can be read."""


@dataclass(frozen=True)
class RuntimeFacts:
    """What the CRI socket of the configuration answered: `error` is empty when it did.

    The last four only where the runtime tells them (containerd does); an image that is there is no question.
    """

    error: str = ""
    ready: bool = True
    runtime_config: bool = True
    systemd_cgroup: bool | None = None
    absent_sandbox_image: str = ""
    cni_bin: tuple[str, ...] = ()
    cni_conf: str = ""


@dataclass(frozen=True)
class Namesake:
    """The node of this machine's name that the cluster has before the machine joins; `itself` if it is this machine."""

    ready: bool
    itself: bool
    address: str = ""


@dataclass(frozen=True)
class Configured:
    """What is looked up once the configuration is known, since it says where to look."""

    address_given: bool = True
    """The user named the node's address; otherwise it was chosen."""
    present: tuple[str, ...] = ()
    """Which of `preflight.lookups` exist; a directory counts when something is in it."""
    strangers: tuple[str, ...] = ()
    """Files that the kubelet would run as static Pods, and that are not ours."""
    name_resolves: bool = True
    filesystems: Mapping[str, Filesystem] = field(default_factory=dict)
    fsync_seconds: float | None = None
    """99th percentile of a small write and fdatasync on the filesystem of etcd's data; None when not measured."""
    ca_not_before: float = 0
    """When the cluster's CA that is already there begins to be valid, seconds since the epoch."""
    runtime: RuntimeFacts | None = None
    """None where the runtime is ours, which is not there yet."""
    resolver: Resolver | None = None
    """The file that the configuration names for Pods; None when it names none."""
    etcd_versions: Mapping[str, str] = field(default_factory=dict)
    """Endpoint of an external etcd → its version, or why there is none (`error: …`)."""
    virtual_address_holder: str = ""
    """What shows that somebody has the control plane's address; empty where nothing does, or it may be its holder."""
    virtual_router_ids: tuple[int, ...] = ()
    """Of a keepalived that the machine has itself."""
    virtual_routers: Mapping[int, str] = field(default_factory=dict)
    """Virtual router id → who uses it in the machine's network."""
    server_version: str = ""
    """Of the API server that is joined (`v1.37.0`); empty where none was asked, as the next two."""
    behind: float = 0
    """Seconds that this machine's clock is behind that server's."""
    namesake: Namesake | None = None


@dataclass(frozen=True)
class HostFacts:
    """`mode` is `node` or `host`; sizes are bytes; `proxies` holds the *_proxy variables found."""

    mode: str
    hostname: str
    booted: float = 0
    """When PID 1 started, seconds since the epoch: what the API says of the time before is not true any more."""
    root_user: bool = True
    privileged: bool = True
    systemd: bool = True
    """systemd is the init system, or will be (a node container before its start)."""
    cpus: int = 2
    memory: int = 4 << 30
    limits: Limits = field(default_factory=Limits)
    """Of a node container; a host has none."""
    inotify: Inotify | None = None
    clock: Clock | None = None
    kernel: Kernel = field(default_factory=Kernel)
    addresses: tuple[Address, ...] = ()
    attached: tuple[Attached, ...] = ()
    """Networks of all interfaces but those of Pods, and where other routes than default ones lead."""
    has_default_route: bool = True
    links: tuple[str, ...] = ()
    """Names of all network interfaces."""
    cgroup_version: int = 2
    cgroup_controllers: tuple[str, ...] = ()
    can_raise_oom: bool = True
    """CAP_SYS_RESOURCE: without it the runtime cannot lower an OOM score."""
    conntrack_writable: bool = True
    initial_network: bool = False
    """The machine's own network namespace, not one of a container's."""
    swap: tuple[str, ...] = ()
    ip_forward: bool = True
    ipv6_forward: bool = True
    listeners: tuple[ListeningSocket, ...] = ()
    ca_directories: tuple[str, ...] = ()
    """Which of kubeadm's optional host CA directories exist (render.static_pods names them)."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    resolver: Resolver = field(default_factory=Resolver)
    """The file that the node's programs use, or the one that systemd-resolved keeps for those that cannot ask it."""
    resolved_active: bool = False
    pod_resolv_conf: str = ""
    """What Pods must get instead of that file; empty when it serves them too."""
    pod_servers: tuple[str, ...] = ("192.0.2.53",)
    """The name servers that Pods get."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Those of `preflight.kubelet.KERNEL_DEFAULTS` that can be read."""
    units: Mapping[str, str] = field(default_factory=dict)
    """systemd unit → `active`, `enabled`, `disabled`, `masked`; a unit that does not exist is not here."""
    chains: tuple[str, ...] = ()
    """Tables and chains of Kubernetes in the packet filter."""
    executables: tuple[str, ...] | None = None
    """Which of `preflight.runtime.EXECUTABLES` the host has; None when the image brings them."""
    kubelet_version: str = ""
    """Of a kubelet that the host already has, as `v1.37.0`."""
    configured: Configured = field(default_factory=Configured)
    free_cri_socket: str = ""
    """CRI socket of a runtime on the host that no Docker engine uses; empty when there is none."""
    docker_user_chains: tuple[str, ...] = ()
    """Which of `iptables` and `ip6tables` know Docker's chain for rules of others, DOCKER-USER."""
    read_only_usr: bool = False
    """/usr/local/bin cannot be written: kubectl is in our own directory only."""
    cni_plugins: tuple[str, ...] = ()
    """Names of the CNI plugins in our own image."""

    def without_address(self, address: str) -> HostFacts:
        """One that comes and goes is none by which the node is known, unless there is no other."""
        others = replace(self, addresses=tuple(a for a in self.addresses if a.address != address))
        return others if others.default_address(6 if ":" in address else 4) else self

    def default_address(self, family: int) -> str:
        """The address of that family (4 or 6): on the default route's interface if it has one, else the first."""
        of_family = [a for a in self.addresses if (":" in a.address) == (family == 6)]
        return next((a.address for a in of_family if a.default), of_family[0].address if of_family else "")
