"""What the plan of `init` is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bootstrap.model.addon import Addon
from bootstrap.model.cluster import BootstrapToken, ClusterConfig, Document
from bootstrap.model.effects import Apply, File
from bootstrap.model.facts import HostFacts
from bootstrap.phases.images import Bundled


@dataclass(frozen=True)
class Inputs:
    """Everything the plan is made from; `pki` and `kubeconfigs` hold finished bytes, kept files included."""

    cfg: ClusterConfig
    facts: HostFacts
    stored: Document
    """The ClusterConfiguration document that goes into kubeadm-config."""
    state: bytes
    pki: tuple[File, ...]
    kubeconfigs: tuple[File, ...]
    manifests: Mapping[str, str]
    patches: Mapping[str, bytes]
    tokens: tuple[BootstrapToken, ...]
    """Tokens to make; empty when the first init has made them."""
    now: datetime
    wait: str = "dns"
    external_ca: bool = False
    bundled: Bundled | None = None
    extra: tuple[Addon, ...] = ()
    """Add-ons from manifests that others wrote, the Pod network first."""
    logins: tuple[File, ...] = ()
    """What the kubelet gets logins for registries from."""
    uploads: tuple[Apply, ...] = ()
    """The certificates for further control planes; empty unless asked for."""
