"""How a machine that joins finds its cluster, and what it believes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Discovery:
    """kubeadm's `discovery`: by token from `endpoint` (host:port), or by a kubeconfig (`file`: path or https URL).

    `pins` are `sha256:HEX` of the CA's public key; none where the user said that any CA is believed.
    """

    endpoint: str = ""
    token: str = ""
    pins: tuple[str, ...] = ()
    file: str = ""
    tls_bootstrap_token: str = ""
    timeout: float = 300
    """Seconds (kubeadm's timeouts.discovery)."""


@dataclass(frozen=True)
class TrustedCluster:
    """Where the API is reached (a URL), the CA (PEM) that it proves itself with, and who joins."""

    server: str
    ca: bytes
    token: str = ""
    """What the kubelet asks for its certificate with; empty when `user` says who asks."""
    user: tuple[tuple[str, str], ...] = ()
    """Fields of a kubeconfig's user with embedded credentials."""

    @property
    def endpoint(self) -> str:
        """`host:port` of the server."""
        parts = urlsplit(self.server)
        return parts.netloc if parts.port else f"{parts.netloc}:443"
