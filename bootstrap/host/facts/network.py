"""Interfaces, addresses, routes, and who listens on which port."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

from bootstrap.host.facts.procfs import first, lines
from bootstrap.host.port import Host
from bootstrap.model.facts import Address, Attached, ListeningSocket

NOT_OF_THE_NODE = re.compile(
    r"(cni|flannel|veth|docker|virbr|cali|cilium|lxc|podman|kube-|tunl|vxlan\.|br-[0-9a-f]{12}$)"
)
"""Interfaces of containers, Pods and virtual machines: nobody reaches the node by their addresses."""
LISTEN = "0A"
"""State in /proc/net/tcp (kernel: proc_net_tcp.rst)."""


OF_PODS = re.compile(r"(cni|flannel|veth|cali|cilium|lxc|kube-|tunl|vxlan\.|weave)")
"""Interfaces of Pods, of this cluster or one before it: the Pod range is rightly theirs."""


def routes(host: Host) -> list[dict[str, Any]]:
    """`ip -j route`, of both families; one with several ways appears once for each."""
    commands = (["ip", "-j", *family, "route", "show"] for family in ([], ["-6"]))
    found = [route for command in commands for route in json.loads(host.run(command) or "[]")]
    ways: list[dict[str, Any]] = []
    for route in found:
        ways += [{**route, **way} for way in route.get("nexthops", ())] or [route]
    return ways


def default_routes(routes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Interface → the lowest metric of its default routes."""
    found: dict[str, int] = {}
    for route in routes:
        if route["dst"] == "default" and "dev" in route:
            metric = int(route.get("metric", 0))
            found[route["dev"]] = min(metric, found.get(route["dev"], metric))
    return found


def attached(links: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]]) -> tuple[Attached, ...]:
    """Networks of the machine's interfaces, and where its other routes lead; not those of Pods, nor of one link."""
    own = [
        Attached(link["ifname"], str(ip_network(f"{info['local']}/{info['prefixlen']}", strict=False)), info["local"])
        for link in links
        for info in link["addr_info"]
        if info["scope"] == "global"
    ]
    led = [
        Attached(route["dev"], str(ip_network(route["dst"], strict=False)))
        for route in routes
        if route["dst"] != "default" and "dev" in route
    ]
    known = {(a.interface, a.network) for a in own}
    there = [*own, *(a for a in led if (a.interface, a.network) not in known)]
    return tuple(a for a in there if not OF_PODS.match(a.interface) and not _of_one_link(a.network))


def _of_one_link(network: str) -> bool:
    found = ip_network(network)
    return found.is_link_local or found.is_multicast or found.is_loopback


def interfaces(host: Host) -> list[dict[str, Any]]:
    """`ip -j address`: one document for each interface."""
    found: list[dict[str, Any]] = json.loads(host.run(["ip", "-j", "address"]))
    return found


def addresses(links: Sequence[Mapping[str, Any]], defaults: Mapping[str, int]) -> tuple[Address, ...]:
    """Global addresses; those of interfaces with a default route first, IPv4 before IPv6, the lowest metric first.

    `defaults` is interface → metric.
    """
    found = [
        Address(
            link["ifname"],
            info["local"],
            link["ifname"] in defaults,
            link.get("mtu", 1500),
            defaults.get(link["ifname"], 0),
        )
        for link in links
        for info in link["addr_info"]
        if info["scope"] == "global" and not NOT_OF_THE_NODE.match(link["ifname"])
    ]
    return tuple(sorted(found, key=lambda a: (not a.default, ":" in a.address, a.metric)))


def listeners() -> tuple[ListeningSocket, ...]:
    """TCP ports that something listens on, with the process and its systemd unit."""
    sockets = [
        (line.split()[1], line.split()[9])
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in lines(table)[1:]
        if line.split()[3] == LISTEN
    ]
    owners = _owners({inode for _, inode in sockets}) if sockets else {}
    found = [_listener(local, owners.get(inode, 0)) for local, inode in sockets]
    return tuple(sorted(found, key=lambda listener: (listener.port, listener.address)))


def _listener(local: str, pid: int) -> ListeningSocket:
    address, _, port = local.rpartition(":")
    return ListeningSocket(
        int(port, 16),
        socket_address(address),
        pid,
        _program(pid) if pid else "",
        unit_of(lines(f"/proc/{pid}/cgroup")) if pid else "",
    )


def _program(pid: int) -> str:
    """The kernel keeps 15 bytes of a name (proc_pid_comm(5)); the rest is in the command line, if that has it still."""
    name, argv = first(f"/proc/{pid}/comm"), first(f"/proc/{pid}/cmdline").split("\0")
    longer = argv[0].rpartition("/")[2]
    return longer if longer.startswith(name) else name


def socket_address(text: str) -> str:
    """Hexadecimal, in words of four bytes that are the other way round (this machine's order)."""
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    found = ip_address(b"".join(words))
    return str((isinstance(found, IPv6Address) and found.ipv4_mapped) or found)


def unit_of(cgroup: Sequence[str]) -> str:
    """The innermost systemd unit in the lines of /proc/PID/cgroup; empty when there is none."""
    paths = [line.split(":", 2)[2] for line in cgroup if line.split(":", 2)[1] in ("", "name=systemd")]
    parts = [part for path in paths for part in path.split("/") if part.endswith((".service", ".scope"))]
    return parts[-1] if parts else ""


def _owners(inodes: set[str]) -> dict[str, int]:
    """Socket inode → pid."""
    owners: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for fd in (process / "fd").iterdir():
                inode = os.readlink(fd).removeprefix("socket:[").removesuffix("]")
                if inode in inodes:
                    owners.setdefault(inode, int(process.name))
        except OSError:
            continue  # the process ended meanwhile
    return owners
