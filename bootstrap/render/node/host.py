"""What only a real host needs: our binaries, kernel settings, the runtime's unit, ways through Docker's firewall."""

from __future__ import annotations

import re

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import Effect, File, Install, KernelModule, Link, Sysctl
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import Runtime
from bootstrap.render.addresses import is_ipv6, node_address

RUNTIME_BINARIES = ("containerd", "containerd-shim-runc-v2", "runc", "ctr")
NODE_BINARIES = ("kubelet", "crictl", "etcdctl", "etcdutl")
KUBECTL = "/usr/local/bin/kubectl"
MODULES_FILE = "/etc/modules-load.d/bootstrap.conf"
SYSCTL_FILE = "/etc/sysctl.d/99-bootstrap.conf"
MODULES = {"overlay": "/sys/module/overlay", "br_netfilter": "/proc/sys/net/bridge"}
"""Name → what is there once it is loaded, or when it is built in."""
BRIDGE_SYSCTL = "net.bridge.bridge-nf-call-"
OTHERS_SYSCTLS = (
    *("vm.overcommit_memory", "vm.panic_on_oom", "kernel.panic", "kernel.panic_on_oops"),
    *("kernel.keys.root_maxkeys", "kernel.keys.root_maxbytes"),
    "net.netfilter.nf_conntrack_max",
    *(f"net.netfilter.nf_conntrack_tcp_timeout_{state}" for state in ("established", "close_wait")),
    "net.ipv4.conf.all.route_localnet",
)
"""What the kubelet, kube-proxy and the portmap plugin set (README: what stays on the kernel)."""
NETWORK_UNIT = "bootstrap-network.service"
UNITS = "/etc/systemd/system"
_PLAIN = re.compile(r"[\w.@:-]+", re.ASCII)


def binaries(runtime: Runtime, facts: HostFacts) -> tuple[Effect, ...]:
    """Everything that a host runs of ours, below /opt: /usr may be read-only, and is not ours.

    kubectl is the kubelet's multi-call binary.
    """
    ours = NODE_BINARIES + (RUNTIME_BINARIES if runtime.ours else ())
    installed = [Install(f"/usr/bin/{name}", f"{names.HOST_BIN_DIR}/{name}") for name in ours]
    installed += [Install(f"{names.CNI_BIN}/{name}", f"{runtime.cni_bin}/{name}") for name in facts.cni_plugins]
    kubectl = f"{names.HOST_BIN_DIR}/kubectl"
    in_path = () if facts.read_only_usr else (Link(KUBECTL, kubectl, keep=True),)
    return (*installed, Link(kubectl, "kubelet"), *in_path)


def kernel(cfg: ClusterConfig) -> tuple[Effect, ...]:
    """Modules and sysctls, now and at every boot, in files of their own.

    Bridged packets pass the packet filter, or answers of a Pod behind a Service never find their way back.
    """
    ipv4, ipv6 = _families(cfg)
    values: dict[str, str] = {}
    if ipv4:
        values |= {"net.ipv4.ip_forward": "1", f"{BRIDGE_SYSCTL}iptables": "1"}
    if ipv6:
        values |= {"net.ipv6.conf.all.forwarding": "1", f"{BRIDGE_SYSCTL}ip6tables": "1"}
    return (
        File(MODULES_FILE, "".join(f"{module}\n" for module in MODULES).encode()),
        *(KernelModule(module, sign) for module, sign in MODULES.items()),
        File(SYSCTL_FILE, "".join(f"{key} = {value}\n" for key, value in values.items()).encode()),
        *(Sysctl(key, value) for key, value in values.items()),
    )


def runtime_unit(runtime: Runtime) -> File:
    """containerd as a unit of our own; a CNI configuration whose subnet is not known (after a boot) is removed.

    With it the node would count as Ready before flannel is up, and Pods would fail and be tried again 10 s later.
    """
    stale = f"{runtime.cni_conf}/{names.FLANNEL_CONFLIST}"
    return File(
        f"{UNITS}/{runtime.unit}",
        f"""\
[Unit]
Description=containerd of Kubernetes, made by bootstrap
After=network.target local-fs.target

[Service]
Type=notify
Environment=PATH={runtime.binaries}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStartPre=/bin/sh -c 'test -e {names.FLANNEL_SUBNET} || rm -f {stale}'
ExecStart={runtime.binaries}/containerd --config {runtime.config}
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
""".encode(),
    )


_ON_HOST = "After=docker.service network-online.target\nWants=network-online.target\n"


def network_unit(cfg: ClusterConfig, facts: HostFacts) -> File | None:
    """A unit whose start makes, and whose stop removes, what Pods need of the host's network; None if nothing.

    What a Pod sends to a Service before kube-proxy's rules translate it is dropped: it would leave the host, and the
    kernel would remember that way for the connection's next packets. Docker sets the policy of FORWARD to DROP and
    leaves DOCKER-USER to us; without a default route, Service addresses have no way out of a process before
    kube-proxy's rules see them. A Docker that is stopped leaves its policy, and our rules stay too; one that starts
    late, on the first use of its socket, starts this unit again. A node container needs the routes only: nothing leaves
    it by itself, and its network is gone with it.
    """
    on_host = facts.mode == "host"
    walls = _service_walls(cfg) if on_host else []
    pairs = walls + _service_routes(cfg, facts) + _docker_rules(cfg, facts)
    if not pairs:
        return None
    starts = "".join(f"ExecStart=/bin/sh -c '{start}'\n" for start, _ in pairs)
    order = _ON_HOST if on_host else "DefaultDependencies=no\n"
    stops = "".join(f"ExecStop=-/bin/sh -c '{stop}'\n" for _, stop in pairs)
    return File(
        f"{UNITS}/{NETWORK_UNIT}",
        f"""\
[Unit]
Description=Ways of Kubernetes Pods through this host's network, made by bootstrap
{order}Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
{starts}{stops}
[Install]
WantedBy=multi-user.target docker.service
""".encode(),
    )


def _service_walls(cfg: ClusterConfig) -> list[tuple[str, str]]:
    """A packet that kube-proxy has translated is routed by its new address, so that no such rule sees it."""
    if cfg.cluster.proxy_disabled:
        return []
    rules = [
        (f"ip -{6 if is_ipv6(pods) else 4} rule", f"from {pods} to {services} blackhole")
        for pods in cfg.cluster.networking.pod_subnets
        for services in cfg.cluster.networking.service_subnets
        if is_ipv6(pods) == is_ipv6(services)
    ]
    return [(f"{ip} del {rule} 2>/dev/null; {ip} add {rule}", f"{ip} del {rule}") for ip, rule in rules]


def _docker_rules(cfg: ClusterConfig, facts: HostFacts) -> list[tuple[str, str]]:
    rules = []
    for family in facts.docker_user_chains:
        for subnet in cfg.cluster.networking.pod_subnets:
            if is_ipv6(subnet) != (family == "ip6tables"):
                continue
            for side in ("-s", "-d"):
                rule = f"DOCKER-USER {side} {subnet} -m comment --comment bootstrap -j ACCEPT"
                start = f"{family} -w -C {rule} 2>/dev/null || {family} -w -I {rule}"
                rules.append((start, f"{family} -w -D {rule}"))
    return rules


def _service_routes(cfg: ClusterConfig, facts: HostFacts) -> list[tuple[str, str]]:
    interface = next((a.interface for a in facts.addresses if a.address == node_address(cfg, facts)), "")
    if not interface or any(a.default for a in facts.addresses):
        return []
    if not _PLAIN.fullmatch(interface):
        raise BootstrapError(
            f'the name of the interface "{interface}" has characters that a unit file and a shell read as their own',
            code=Exit.PREFLIGHT,
            why=f"without a default route {NETWORK_UNIT} has to name it",
            fix="give it another name (ip link set … name …), or the machine a default route",
        )
    return [
        (f"ip route replace {subnet} dev {interface}", f"ip route del {subnet} dev {interface}")
        for subnet in cfg.cluster.networking.service_subnets
    ]


def _families(cfg: ClusterConfig) -> tuple[bool, bool]:
    network, own = cfg.cluster.networking, [cfg.node.api.advertise_address] if cfg.node.api else []
    ranges = (*network.service_subnets, *network.pod_subnets, *own)
    return any(not is_ipv6(s) for s in ranges), any(is_ipv6(s) for s in ranges)
