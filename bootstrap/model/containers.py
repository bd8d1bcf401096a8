"""Containers of a throwaway cluster, as they are asked of a Docker engine and as they are found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER, Mount, PublishedPort

LOAD_BALANCER = "load-balancer"
ROLES = (LOAD_BALANCER, CONTROL_PLANE, WORKER)
CLUSTER_LABEL, ROLE_LABEL, RUN_LABEL = "bootstrap.cluster", "bootstrap.role", "bootstrap.run"
"""Which cluster a container or network is of; what a container does there; which `create` or `add` made it."""


SHARES = 1024
"""Of the CPU: what the engine gives to everybody."""


@dataclass(frozen=True)
class Container:
    """One that is to be made. `files` (path → content, 0600) are put in before it starts: nothing else shows them."""

    name: str
    role: str
    command: tuple[str, ...]
    address: str
    address6: str = ""
    """Of a cluster with both families."""
    shares: int = SHARES
    """Of the CPU, until the first control plane is up."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    """Empty: the image's own."""
    stop_signal: str = ""
    ports: tuple[PublishedPort, ...] = ()
    mounts: tuple[Mount, ...] = ()
    dns_search: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_node(self) -> bool:
        return self.role != LOAD_BALANCER


@dataclass(frozen=True)
class Found:
    """One that is there. `state` is Docker's word: `running`, `exited`, …"""

    name: str
    role: str
    cluster: str
    state: str
    address: str
    network: str
    image: str
    api_port: int = 0
    """On the engine's host; 0 where no API is published."""
    api_address: str = ""

    @property
    def is_node(self) -> bool:
        return self.role != LOAD_BALANCER
