"""What steps are made from, by what a machine is: a node, a control plane, the first of its cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bootstrap.model.addon import Addon
from bootstrap.model.cluster import BootstrapToken, ClusterConfig, Document
from bootstrap.model.effects import Apply, Directory, File, Link
from bootstrap.model.facts import HostFacts
from bootstrap.phases.images import Bundled
from bootstrap.render.pki.issue import CLUSTER


@dataclass(frozen=True)
class NodeInputs:
    """Any machine; `kubeconfigs` hold finished bytes, kept files included."""

    cfg: ClusterConfig
    facts: HostFacts
    state: bytes
    kubeconfigs: tuple[File, ...]
    patches: Mapping[str, bytes]
    wait: str = "dns"
    credential: tuple[File | Link, ...] = ()
    """What the kubelet's own certificate is replaced with, where that has ended."""
    logins: tuple[File, ...] = ()
    """What the kubelet gets logins for registries from."""
    bundled: Bundled | None = None
    stale: tuple[str, ...] = ()
    """Files of ours, of an earlier configuration."""


@dataclass(frozen=True)
class ControlPlaneInputs:
    """`pki` holds finished bytes, kept files included."""

    pki: tuple[File, ...]
    there: Collection[str] = ()
    """Paths of the set that lie on the machine already."""
    signing: str = CLUSTER
    """The CA that the controller manager signs with; empty where it cannot."""
    joins: EtcdJoin | None = None
    """None where the etcd begins here, or is external."""
    encryption: tuple[Directory | File, ...] = ()
    """What the API server encrypts Secrets with; empty where it does not."""
    vip_password: str = ""
    """What those who hold the control plane's address in turn know each other by."""


@dataclass(frozen=True)
class EtcdJoin:
    """The etcd that this machine becomes a member of: client URLs of the others, and the command without them."""

    endpoints: tuple[str, ...]
    etcdctl: tuple[str, ...]
    met: Mapping[str, str] = field(default_factory=dict)
    """Name → peer URL of those that its member met when it started for the first time; empty before."""
    voted: bool = False
    """Whether it had its vote, and an API server beside it, when this machine ran last."""


@dataclass(frozen=True)
class ClusterInputs:
    """What is made once for all machines."""

    stored: Document
    """The ClusterConfiguration document that goes into kubeadm-config."""
    ca: bytes
    manifests: Mapping[str, str]
    now: datetime
    tokens: tuple[BootstrapToken, ...] = ()
    """Tokens to make; empty when the first init has made them."""
    addons: tuple[Addon, ...] = ()
    """From manifests that others wrote, the Pod network first."""
    uploads: tuple[Apply, ...] = ()
    """The certificates for further control planes; empty unless asked for."""
