"""An image as a registry has it: platforms, blobs, digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
"""What `uname -m` says → Go's name of it, which images use."""


@dataclass(frozen=True)
class Platform:
    """`linux/arm64`; a variant (`v8`) is only compared where both sides have one."""

    architecture: str
    os: str = "linux"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def fits(self, other: Platform) -> bool:
        """Whether an image for `other` is one for this platform."""
        same = (self.os, self.architecture) == (other.os, other.architecture)
        return same and (not self.variant or not other.variant or self.variant == other.variant)


def platform_of(document: Mapping[str, Any]) -> Platform:
    """What a configuration, or an index's entry, says that its image is for; empty words where it says nothing."""
    return Platform(
        str(document.get("architecture", "")), str(document.get("os", "")), str(document.get("variant") or "")
    )


@dataclass(frozen=True)
class Blob:
    """Bytes by their digest; `size` is their number."""

    media_type: str
    digest: str
    size: int

    def document(self) -> dict[str, Any]:
        """The descriptor that manifests and indexes have of it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class Resolved:
    """One image for one platform. `documents` are the exact bytes of index, manifest and configuration by digest.

    `top` is what the reference itself stands for: the index, or the manifest where there is no index.
    """

    top: Blob
    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]
    documents: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Bytes of everything that a pull brings."""
        unique = {blob.digest: blob.size for blob in (self.top, self.manifest, self.config, *self.layers)}
        return sum(unique.values())
