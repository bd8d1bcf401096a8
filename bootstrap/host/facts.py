"""One read pass over the machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from pathlib import Path

from bootstrap.host import resolv
from bootstrap.host.guest import guest_facts
from bootstrap.host.pid1 import is_cgroup_v2, proxies
from bootstrap.host.port import Host
from bootstrap.model.facts import Address, HostFacts
from bootstrap.render.volumes import OPTIONAL_CA_DIRECTORIES

CAP_SYS_RESOURCE = 24


def gather(host: Host, mode: str) -> HostFacts:
    """Everything that deciding needs to know, except what depends on the configuration."""
    routes = _default_routes(host)
    return HostFacts(
        mode=mode,
        hostname=socket.gethostname().lower(),
        booted=_booted(),
        root_user=os.geteuid() == 0,
        privileged=bool(_capability(21)),
        cpus=os.cpu_count() or 1,
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        addresses=_addresses(host, {route.get("dev", "") for route in routes}),
        cgroup_version=2 if is_cgroup_v2() else 1,
        cgroup_controllers=_controllers(),
        can_raise_oom=bool(_capability(CAP_SYS_RESOURCE)),
        conntrack_writable=_writable("/proc/sys/net/netfilter/nf_conntrack_max"),
        swap=tuple(line.split()[0] for line in _lines("/proc/swaps")[1:]),
        ip_forward=_first("/proc/sys/net/ipv4/ip_forward") == "1",
        ipv6_forward=_first("/proc/sys/net/ipv6/conf/default/forwarding") == "1",
        has_ipv6=Path("/proc/net/if_inet6").exists(),
        ports_in_use=_listening(),
        ca_directories=tuple(path for path in OPTIONAL_CA_DIRECTORIES if host.stat(path)),
        proxies=proxies(os.environ),
        pod_resolv_conf=resolv.for_pods(
            "\n".join(_lines("/etc/resolv.conf")), next((r["gateway"] for r in routes if "gateway" in r), "")
        ),
        **(guest_facts(host) if mode == "host" else {}),
        disk_free={path: shutil.disk_usage(path).free for path in ("/var/lib", "/etc")},
    )


def _booted() -> float:
    """Start of PID 1 (proc(5): field 22 of stat, in clock ticks since the kernel's boot)."""
    after_name = _first("/proc/1/stat").rpartition(")")[2].split()
    ticks = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks


def _default_routes(host: Host) -> list[dict[str, str]]:
    commands = (["ip", "-j", *family, "route", "show", "default"] for family in ([], ["-6"]))
    return [route for command in commands for route in json.loads(host.run(command) or "[]")]


def _addresses(host: Host, defaults: set[str]) -> tuple[Address, ...]:
    found = [
        Address(link["ifname"], info["local"], link["ifname"] in defaults)
        for link in json.loads(host.run(["ip", "-j", "address"]))
        for info in link["addr_info"]
        if info["scope"] == "global" and not link["ifname"].startswith(("cni", "flannel", "veth", "docker"))
    ]
    return tuple(sorted(found, key=lambda a: (not a.default, ":" in a.address)))


def _listening() -> dict[int, str]:
    """TCP ports that something listens on: state 0A in /proc/net/tcp (kernel: proc_net_tcp.rst)."""
    ports: dict[int, str] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _lines(table)[1:]:
            fields = line.split()
            if fields[3] == "0A":
                ports[int(fields[1].rsplit(":", 1)[1], 16)] = fields[9]
    owners = _socket_owners(set(ports.values())) if ports else {}
    return {port: owners.get(inode, "") for port, inode in ports.items()}


def _socket_owners(inodes: set[str]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for fd in (process / "fd").iterdir():
                inode = os.readlink(fd).removeprefix("socket:[").removesuffix("]")
                if inode in inodes:
                    owners[inode] = f"pid {process.name}, {(process / 'comm').read_text().strip()}"
        except OSError:
            continue  # the process ended meanwhile
    return owners


def _controllers() -> tuple[str, ...]:
    if is_cgroup_v2():
        return tuple(_first("/sys/fs/cgroup/cgroup.controllers").split())
    return tuple(line.split()[0] for line in _lines("/proc/cgroups")[1:] if line.split()[3] == "1")


def _capability(number: int) -> int:
    bounding = next(line.split()[1] for line in _lines("/proc/self/status") if line.startswith("CapBnd:"))
    return int(bounding, 16) >> number & 1


def _writable(path: str) -> bool:
    """Opens for writing without writing: a container's /proc/sys refuses even root."""
    try:
        with open(path, "r+b"):
            return True
    except OSError:
        return False


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _first(path: str) -> str:
    lines = _lines(path)
    return lines[0].strip() if lines else ""
