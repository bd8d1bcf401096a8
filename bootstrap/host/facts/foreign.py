"""What there is to know about a host that belongs to others: its runtimes, and Docker's firewall."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bootstrap.host.port import Host
from bootstrap.host.runtime.cri import PID1_ROOT, crictl
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError

CRI_SOCKETS = ("/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock")
"""Where runtimes listen (kubeadm: constants_unix.go); containerd's is Docker's wherever an engine runs."""
DOCKER_SOCKETS = ("/run/docker.sock", "/var/run/docker.sock")
PROBE_SECONDS = 5.0


def guest_facts(host: Host) -> dict[str, Any]:
    """Fields of HostFacts that only a host has."""
    return {
        "free_cri_socket": next(_free_sockets(host), ""),
        "docker_user_chains": tuple(family for family in ("iptables", "ip6tables") if _has_docker_user(host, family)),
        "read_only_usr": _is_read_only(f"{PID1_ROOT}/usr/local/bin"),
        "cni_plugins": tuple(sorted(os.listdir(names.CNI_BIN))) if Path(names.CNI_BIN).is_dir() else (),
    }


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except FileNotFoundError:
        return _is_read_only(os.path.dirname(path))


def _free_sockets(host: Host) -> Iterator[str]:
    docker = any(host.stat(path) for path in DOCKER_SOCKETS)
    for path in CRI_SOCKETS:
        if docker and "containerd" in path:
            continue
        if host.stat(path) and _answers_cri(host, f"unix://{path}"):
            yield f"unix://{path}"


def _answers_cri(host: Host, socket: str) -> bool:
    try:
        host.run([*crictl(host, socket), "version"], timeout=PROBE_SECONDS, here=True)
    except BootstrapError:
        return False
    return True


def _has_docker_user(host: Host, family: str) -> bool:
    try:
        host.run([family, "-w", "-n", "-L", "DOCKER-USER"], timeout=PROBE_SECONDS)
    except BootstrapError:
        return False
    return True
