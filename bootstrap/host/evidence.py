"""What a person would look at after a failed wait: containers that ended, and what the kubelet says."""

from __future__ import annotations

import json

from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError

LOG_LINES = 3
CONTAINERS = 4
NOISE = ("mirror pod", "lease", "reflector", "event.go", "kubelet_node_status", "Error syncing pod")
"""In errors that follow from a control plane that is not there yet, or that repeat another one."""


def gather_evidence(host: Host) -> tuple[str, ...]:
    """Lines for an error's details: each ended container with its last log lines, else the kubelet's last errors."""
    return _ended_containers(host) or _kubelet_errors(host)


def _ended_containers(host: Host) -> tuple[str, ...]:
    try:
        listed = json.loads(host.run(["crictl", "ps", "--all", "--state", "Exited", "--output", "json"], timeout=10))
    except (BootstrapError, ValueError):
        return ("the container runtime does not answer: journalctl -u containerd -n 20",)
    lines: list[str] = []
    for container in listed.get("containers", [])[:CONTAINERS]:
        lines.append(f"container {container['metadata']['name']} ended (attempt {container['metadata']['attempt']})")
        lines += [f"  {line}" for line in _log(host, container["id"])]
    return tuple(lines)


def _is_noise(line: str) -> bool:
    return any(words in line for words in NOISE)


def _log(host: Host, container: str) -> list[str]:
    try:
        return host.run(["sh", "-c", f"crictl logs --tail {LOG_LINES} {container} 2>&1"], timeout=10).splitlines()
    except BootstrapError:
        return []


def _kubelet_errors(host: Host) -> tuple[str, ...]:
    """klog marks errors with a leading E and the date."""
    try:
        journal = host.run(["journalctl", "-u", "kubelet", "-o", "cat", "-n", "200", "--no-pager"], timeout=10)
    except BootstrapError:
        return ()
    errors = [line for line in journal.splitlines() if line[:1] == "E" and line[1:5].isdigit() and not _is_noise(line)]
    return tuple(f"kubelet: {line[:300]}" for line in errors[-LOG_LINES:])
