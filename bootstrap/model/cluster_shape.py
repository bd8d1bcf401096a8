"""What a throwaway cluster is to look like: the request of `cluster create`, by flags, kind's files or ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bootstrap.model.cluster import Document

CONTROL_PLANE, WORKER = "control-plane", "worker"
DEFAULT_NAME = "bootstrap"


@dataclass(frozen=True)
class PublishedPort:
    """A node's port on the engine's host. `host_port` 0: the engine chooses; `address` empty: every address."""

    container_port: int
    host_port: int = 0
    address: str = ""
    protocol: str = "tcp"


@dataclass(frozen=True)
class Mount:
    """A path of the engine's host in a node; `propagation` as Docker has it (`rprivate`, `rslave`, `rshared`)."""

    host_path: str
    container_path: str
    read_only: bool = False
    propagation: str = ""


@dataclass(frozen=True)
class MergePatch:
    """A part of a document (RFC 7386); it is for the document of the same `kind`, whatever its apiVersion."""

    document: Document


@dataclass(frozen=True)
class JsonPatch:
    """RFC 6902, for the document of `kind`."""

    kind: str
    operations: tuple[Document, ...]


ConfigPatch = MergePatch | JsonPatch
"""Of the documents that a node is configured with: InitConfiguration, ClusterConfiguration, JoinConfiguration,
KubeletConfiguration, KubeProxyConfiguration, BootstrapConfiguration."""


@dataclass(frozen=True)
class NodeShape:
    """One node; its name follows from the cluster's name, its role and its place among those of that role."""

    role: str = CONTROL_PLANE
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PublishedPort, ...] = ()
    mounts: tuple[Mount, ...] = ()
    patches: tuple[ConfigPatch, ...] = ()
    """After the cluster's own ones."""


@dataclass(frozen=True)
class ShapeNetworking:
    """`family` is `ipv4`, `ipv6` or `dual`; empty ranges are the defaults of that family.

    The API is published at `api_address`:`api_port` of the engine's host; port 0: a free one that stays.
    """

    family: str = "ipv4"
    pod_subnet: str = ""
    service_subnet: str = ""
    api_address: str = "127.0.0.1"
    api_port: int = 0
    api_names: tuple[str, ...] = ()
    """What else the API is called outside of the cluster."""
    cni: str = "flannel"
    """As BootstrapConfiguration's `cni`: `none` leaves the Pod network to the user."""
    proxy_mode: str = ""
    """`iptables`, `nftables`, `ipvs`, or `none` without kube-proxy; empty: kube-proxy's default."""
    dns_search: tuple[str, ...] | None = None
    """Search domains of the nodes; None: those of the engine's host."""


@dataclass(frozen=True)
class ClusterShape:
    """Everything that decides a cluster; waits, time limits and what stays after a failure are of the command."""

    name: str = DEFAULT_NAME
    nodes: tuple[NodeShape, ...] = (NodeShape(),)
    networking: ShapeNetworking = field(default_factory=ShapeNetworking)
    storage: str = "local-path"
    """As BootstrapConfiguration's `storage`."""
    load_balancer: str = ""
    """`metallb` with a range of the cluster's own network, or `none`; empty: the former where it has one."""
    network: str = ""
    """Of a Docker network that is there already; empty: one of the cluster's own."""
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    """Of every component."""
    runtime_config: Mapping[str, str] = field(default_factory=dict)
    """The API server's `--runtime-config`."""
    documents: tuple[Document, ...] = ()
    """kubeadm's and our own documents, as `init --config` reads them: what the nodes' configuration starts from."""
    patches: tuple[ConfigPatch, ...] = ()
    containerd_patches: tuple[str, ...] = ()
    """TOML, merged into every node's containerd configuration in this order."""

    def of_role(self, role: str) -> tuple[NodeShape, ...]:
        return tuple(node for node in self.nodes if node.role == role)
