"""What one read pass of the API found about a whole cluster. A plain value, which JSON holds: tests write their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bootstrap.model.cluster import Document


@dataclass(frozen=True)
class ClusterNode:
    """`version` is its kubelet's, `address` its InternalIP."""

    name: str
    version: str
    address: str = ""
    ready: bool = True
    control_plane: bool = False


@dataclass(frozen=True)
class ClusterFacts:
    """`version` is the API server's that was asked; documents are empty where the cluster has none."""

    version: str
    configuration: Document = field(default_factory=dict)
    """ClusterConfiguration, of the ConfigMap kubeadm-config."""
    kubelet: Document = field(default_factory=dict)
    """KubeletConfiguration, of the ConfigMap kubelet-config."""
    nodes: tuple[ClusterNode, ...] = ()
    etcd_members: Mapping[str, str] = field(default_factory=dict)
    """Node → URL for clients, of the members that run as static Pods."""
    api_servers: Mapping[str, str] = field(default_factory=dict)
    """Node → version, of the API servers that run as static Pods."""

    def others(self, name: str) -> tuple[ClusterNode, ...]:
        """All nodes but one."""
        return tuple(node for node in self.nodes if node.name != name)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ClusterFacts:
        """What `to_dict` gave, also by way of JSON."""
        nodes = tuple(ClusterNode(**node) for node in document.get("nodes", ()))
        return cls(**{**document, "nodes": nodes})
