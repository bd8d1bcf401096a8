"""One read pass over the machine: everything that deciding needs to know, except what depends on the configuration."""

from __future__ import annotations

import ctypes
import os
import socket
import time
from pathlib import Path

from bootstrap.host.facts import resolv_conf, services
from bootstrap.host.facts.capabilities import CAP_SYS_ADMIN, CAP_SYS_RESOURCE, has_capability, is_writable
from bootstrap.host.facts.foreign import guest_facts
from bootstrap.host.facts.kernel import kernel
from bootstrap.host.facts.limits import inotify, limits
from bootstrap.host.facts.network import addresses, attached, default_routes, interfaces, listeners, routes
from bootstrap.host.facts.procfs import first, lines
from bootstrap.host.node.pid1 import is_cgroup_v2, proxies
from bootstrap.host.port import Host, HostReader
from bootstrap.model.facts import Clock, HostFacts, Limits, Resolver
from bootstrap.model.secrets import login_of
from bootstrap.preflight.kubelet import KERNEL_DEFAULTS
from bootstrap.preflight.name_servers import reachable
from bootstrap.render.controlplane.volumes import OPTIONAL_CA_DIRECTORIES
from bootstrap.render.node.kubelet import RESOLVED_CONF

TIME_ERROR = 5
"""What adjtimex(2) returns while nothing keeps the kernel's clock in step."""
TIMEX_SIZE = 256
"""Bytes, at least those of `struct timex`; zeroes change nothing."""


def gather(host: Host, mode: str) -> HostFacts:
    """`mode` is `node` or `host`; a node container has none of what a host has before us."""
    known, links, on_host = routes(host), interfaces(host), mode == "host"
    defaults = default_routes(known)
    units = services.units(host) if on_host else {}
    resolved = units.get(services.RESOLVED_UNIT) == "active"
    resolver = resolv_conf.resolver(host, RESOLVED_CONF if resolved else Resolver.path)
    own = addresses(links, defaults)
    gateways = [route["gateway"] for route in known if route["dst"] == "default" and "gateway" in route]
    written = (host.read(resolver.path) or b"").decode(errors="replace")
    pod_resolv_conf = resolv_conf.for_pods(written, (*gateways, *(a.address for a in own)))
    pod_servers = resolv_conf.servers(pod_resolv_conf) if pod_resolv_conf else resolver.servers
    return HostFacts(
        mode=mode,
        hostname=socket.gethostname().lower(),
        booted=_booted(),
        root_user=os.geteuid() == 0,
        privileged=has_capability(CAP_SYS_ADMIN, "CapBnd"),
        systemd=not on_host or host.stat("/run/systemd/system") is not None,
        cpus=os.cpu_count() or 1,
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        limits=Limits() if on_host else limits(),
        inotify=inotify(),
        clock=_clock(),
        kernel=kernel(host, mode),
        addresses=own,
        attached=attached(links, known),
        has_default_route=bool(defaults),
        links=tuple(link["ifname"] for link in links),
        cgroup_version=2 if is_cgroup_v2() else 1,
        cgroup_controllers=_controllers(host),
        can_raise_oom=has_capability(CAP_SYS_RESOURCE, "CapBnd"),
        conntrack_writable=is_writable("/proc/sys/net/netfilter/nf_conntrack_max"),
        initial_network=Path("/proc/sys/net/core/netdev_budget").exists(),  # no other namespace has it
        swap=tuple(line.split()[0] for line in lines("/proc/swaps")[1:]),
        ip_forward=first("/proc/sys/net/ipv4/ip_forward") == "1",
        ipv6_forward=first("/proc/sys/net/ipv6/conf/default/forwarding") == "1",
        listeners=listeners(),
        ca_directories=tuple(path for path in OPTIONAL_CA_DIRECTORIES if host.stat(path)),
        proxies=_proxies(),
        resolver=resolver,
        resolved_active=resolved,
        pod_resolv_conf=pod_resolv_conf,
        pod_servers=tuple(server for server in pod_servers if reachable(server)),
        sysctls=_sysctls(),
        units=units,
        chains=services.chains(host) if on_host else (),
        executables=services.executables(host) if on_host else None,
        kubelet_version=services.kubelet_version(host) if on_host else "",
        **(guest_facts(host) if on_host else {}),
    )


def _sysctls() -> dict[str, str]:
    found = {key: first(f"/proc/sys/{key.replace('.', '/')}") for key in KERNEL_DEFAULTS}
    return {key: value for key, value in found.items() if value}


def _booted() -> float:
    """Start of PID 1 (proc(5): field 22 of stat, in clock ticks since the kernel's boot)."""
    after_name = first("/proc/1/stat").rpartition(")")[2].split()
    ticks = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks


def _clock() -> Clock:
    """This file is as old as the image, or the tree, that it is in."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_SIZE))
    return Clock(time.time(), Path(__file__).stat().st_mtime, synchronized=state != TIME_ERROR)


def _controllers(host: HostReader) -> tuple[str, ...]:
    """Of cgroup v2 through the port: below /sys, a container sees its own cgroup's only."""
    if is_cgroup_v2():
        return tuple((host.read("/sys/fs/cgroup/cgroup.controllers") or b"").decode().split())
    return tuple(line.split()[0] for line in lines("/proc/cgroups")[1:] if line.split()[3] == "1")


def _proxies() -> dict[str, str]:
    """Those of the environment; the logins in them are secrets from here on."""
    found = proxies(os.environ)
    for value in found.values():
        login_of(value)
    return found
