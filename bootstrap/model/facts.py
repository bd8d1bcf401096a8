"""What one read pass of the host found. A plain value: tests write their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Address:
    """One global unicast address of an interface; `default` if that interface has a default route."""

    interface: str
    address: str
    default: bool


@dataclass(frozen=True)
class HostFacts:
    """`mode` is `node` or `host`; sizes are bytes; `proxies` holds the *_proxy variables found."""

    mode: str
    hostname: str
    booted: float = 0
    """When PID 1 started, seconds since the epoch: what the API says of the time before is not true any more."""
    root_user: bool = True
    privileged: bool = True
    cpus: int = 2
    memory: int = 4 << 30
    addresses: tuple[Address, ...] = ()
    cgroup_version: int = 2
    cgroup_controllers: tuple[str, ...] = ()
    can_raise_oom: bool = True
    """CAP_SYS_RESOURCE: without it the runtime cannot lower an OOM score."""
    conntrack_writable: bool = True
    swap: tuple[str, ...] = ()
    ip_forward: bool = True
    ipv6_forward: bool = True
    has_ipv6: bool = False
    ports_in_use: Mapping[int, str] = field(default_factory=dict)
    """TCP port → who holds it (`pid 812 haproxy`, or empty)."""
    ca_directories: tuple[str, ...] = ()
    """Which of kubeadm's optional host CA directories exist (render.static_pods names them)."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    resolved_active: bool = False
    pod_resolv_conf: str = ""
    """What Pods must get instead of the node's resolv.conf; empty when that serves them too."""
    etcd_data_present: bool = False
    """Whether etcd's data directory has content; looked up once the configuration has said where it is."""
    disk_free: Mapping[str, int] = field(default_factory=dict)
    free_cri_socket: str = ""
    """CRI socket of a runtime on the host that no Docker engine uses; empty when there is none."""
    docker_user_chains: tuple[str, ...] = ()
    """Which of `iptables` and `ip6tables` know Docker's chain for rules of others, DOCKER-USER."""
    cni_plugins: tuple[str, ...] = ()
    """Names of the CNI plugins in our own image."""

    @property
    def default_address(self) -> str:
        """Address of the default-route interface, else the only global one, else empty."""
        for a in self.addresses:
            if a.default:
                return a.address
        return self.addresses[0].address if self.addresses else ""
