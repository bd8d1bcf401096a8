"""Changes as data. The engine compares each with what is there and applies only a difference."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.model.mirrors import Mirrors


@dataclass(frozen=True)
class Directory:
    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class File:
    """`secret` content is shown as length and hash only; `once` is never overwritten (keys, CA)."""

    path: str
    content: bytes
    mode: int = 0o644
    secret: bool = False
    once: bool = False

    @property
    def shown(self) -> str:
        digest = hashlib.sha256(self.content).hexdigest()[:12]
        return f"{self.path} ({self.mode:04o}, {len(self.content)} bytes, sha256:{digest})"


@dataclass(frozen=True)
class UnitRunning:
    """The systemd unit runs with the present content of `uses` (restarted if older), and at every boot if `enabled`."""

    name: str
    uses: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True)
class Apply:
    """Server-side apply of one API object as the field manager `bootstrap`."""

    body: Mapping[str, Any]


@dataclass(frozen=True)
class Create:
    """Created if absent, never changed (tokens)."""

    body: Mapping[str, Any]


@dataclass(frozen=True)
class RotatableKubeletCredential:
    """kubelet.conf points at the certificate file that the kubelet rotates, once the kubelet has written it."""

    kubeconfig: str
    certificate: str


@dataclass(frozen=True)
class EtcdPeerUrl:
    """The only etcd member is known by `url`; `etcdctl` is the command with its endpoint and certificates."""

    url: str
    etcdctl: tuple[str, ...]


@dataclass(frozen=True)
class ImagePresent:
    """The runtime behind `socket` has the image under its own name, through the mirrors if need be, and pinned.

    With `always` a tag that means something else by now is brought in again.
    """

    image: str
    socket: str
    mirrors: Mirrors
    always: bool = False


Effect = Directory | File | UnitRunning | Apply | Create | RotatableKubeletCredential | EtcdPeerUrl | ImagePresent


def object_name(body: Mapping[str, Any]) -> str:
    """`kind namespace/name` of an API object."""
    meta = body["metadata"]
    namespace = meta.get("namespace", "")
    return f"{body['kind']} {namespace + '/' if namespace else ''}{meta['name']}"
