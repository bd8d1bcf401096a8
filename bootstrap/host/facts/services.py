"""What a host has before us: systemd units, packet filter rules, executables, a kubelet."""

from __future__ import annotations

import re

from bootstrap.host.facts.procfs import attempt
from bootstrap.host.live import HOST_COMMAND_PATH
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.preflight import virtual_address
from bootstrap.preflight.leftovers import PRODUCTS
from bootstrap.preflight.runtime import EXECUTABLES

RESOLVED_UNIT = "systemd-resolved.service"
UNITS = (
    "firewalld.service",
    virtual_address.SERVICE,
    RESOLVED_UNIT,
    *(unit for product in PRODUCTS for unit in product.units),
)
KUBELETS = (names.KUBELET_BIN, "/usr/local/bin/kubelet", "/opt/bin/kubelet")


def units(host: Host) -> dict[str, str]:
    """Unit → `active`, `masked`, `enabled` or `disabled`; those that exist."""
    shown = attempt(host, ["systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState", *UNITS]) or ""
    found = {}
    for block in shown.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values.get("LoadState", "not-found") != "not-found":
            found[values["Id"]] = _state(values)
    return found


def _state(values: dict[str, str]) -> str:
    if values["LoadState"] == "masked":
        return "masked"
    if values["ActiveState"] == "active":
        return "active"
    return "enabled" if values.get("UnitFileState") == "enabled" else "disabled"


def chains(host: Host) -> tuple[str, ...]:
    """Tables and chains of a kube-proxy, in nftables or iptables-nft; empty where there is no nft."""
    shown = attempt(host, ["nft", "list", "chains"]) or ""
    pairs = re.findall(r"(?m)^table \S+ (kube-proxy) |^\s*chain (KUBE-\S+)", shown)
    return tuple(dict.fromkeys(table or chain for table, chain in pairs))


def executables(host: HostReader) -> tuple[str, ...]:
    folders = HOST_COMMAND_PATH.split(":")
    return tuple(name for name in EXECUTABLES if any(host.stat(f"{folder}/{name}") for folder in folders))


def kubelet_version(host: Host) -> str:
    """Of the first kubelet found, as `v1.37.0`; empty without one."""
    for path in KUBELETS:
        if host.stat(path):
            found = re.search(r"Kubernetes (v\S+)", attempt(host, [path, "--version"], timeout=10) or "")
            return found[1] if found else ""
    return ""
