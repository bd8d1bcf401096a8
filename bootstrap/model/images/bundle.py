"""A bundle: what its signed manifest says, and the order of everything in its archive."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.model.images.oci import (
    BLOBS,
    DIGEST,
    IMAGE_NAME,
    INDEX_FILE,
    INDEXES,
    LAYOUT_FILE,
    MANIFESTS,
    REF_NAME,
    Descriptor,
    hex_of,
    index_bytes,
)
from bootstrap.model.images.reference import parse_reference

FORMAT = "bootstrap-bundle/v1"
MANIFEST_MEMBER = "bundle.json"
SIGNATURE_MEMBER = "bundle.sig"
SBOM_MEMBER = "sbom.spdx.json"
LEADING = (SBOM_MEMBER, LAYOUT_FILE, INDEX_FILE)
"""Members after the manifest and its signature, in this order; the blobs follow, those of critical images first."""

MANIFEST_LIMIT = 4 << 20
SIGNATURE_LIMIT = 4 << 10
MEMBER_LIMIT = (8 << 30) - 1
"""Bytes: the most that the size field of a tar header says in octal digits (POSIX ustar)."""
TOTAL_LIMIT = 64 << 30
"""Bytes of all members. Also holds for what nobody has signed."""

_REFERENCE = re.compile(r"[a-z0-9][a-zA-Z0-9._:/@+-]{0,511}")
_ARCHITECTURE = re.compile(r"[a-z0-9]{1,16}")


class Damaged(Exception):
    """What is wrong with a bundle, in one line without its name."""


class Untrusted(Damaged):
    """Nobody whose key is known has signed it; its bytes may be as they were made."""


@dataclass(frozen=True)
class ArchiveMember:
    """One file of the archive: `digest` is the `sha256:…` of its `size` bytes."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class PlatformImage:
    """An image for one architecture of Linux: digests of its manifest and of its configuration."""

    architecture: str
    manifest: str
    config: str


@dataclass(frozen=True)
class BundledImage:
    """`target` is what the reference means: a manifest, or an index of which the bundle has `platforms` only.

    `source` says where it came from; `critical` images are what the API server needs to start.
    """

    reference: str
    source: str
    target: Descriptor
    platforms: tuple[PlatformImage, ...]
    critical: bool

    def platform(self, architecture: str) -> PlatformImage | None:
        return next((found for found in self.platforms if found.architecture == architecture), None)


@dataclass(frozen=True)
class BundleManifest:
    """bundle.json. Images are in the order in which they are loaded, members in the order of the archive."""

    kubernetes: tuple[str, ...]
    architectures: tuple[str, ...]
    cni: str
    created: str
    images: tuple[BundledImage, ...]
    members: tuple[ArchiveMember, ...]

    def encode(self) -> bytes:
        """The bytes that are signed."""
        body = {
            "format": FORMAT,
            "kubernetes": list(self.kubernetes),
            "architectures": list(self.architectures),
            "cni": self.cni,
            "created": self.created,
            "images": [_encoded(image) for image in self.images],
            "members": [{"name": m.name, "digest": m.digest, "size": m.size} for m in self.members],
        }
        return json.dumps(body, indent=1, sort_keys=True).encode() + b"\n"


def decode(content: bytes) -> BundleManifest:
    """The manifest in bundle.json. Raises Damaged: nothing in it is taken before it has the right shape."""
    try:
        body = json.loads(content)
        if body["format"] != FORMAT:
            raise Damaged(f"its format is {body['format']!r}, this version reads {FORMAT}")
        found = BundleManifest(
            kubernetes=tuple(_text(version) for version in body["kubernetes"]),
            architectures=tuple(_matching(_ARCHITECTURE, name) for name in body["architectures"]),
            cni=_text(body["cni"]),
            created=_text(body["created"]),
            images=tuple(_decoded(image) for image in body["images"]),
            members=tuple(
                ArchiveMember(_text(m["name"]), _digest(m["digest"]), _size(m["size"])) for m in body["members"]
            ),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise Damaged(f"{MANIFEST_MEMBER} is not a bundle's manifest: {type(e).__name__} {str(e)[:120]}") from e
    _check_members(found.members)
    return found


def index_of(manifest: BundleManifest) -> bytes:
    """index.json of the bundle: every reference with its target, under the names that containerd reads."""
    return index_bytes([named(image.target, image.reference) for image in manifest.images])


def named(target: Descriptor, reference: str) -> Descriptor:
    """A target under a full reference, as an index says it."""
    return {**target, "annotations": {IMAGE_NAME: reference, REF_NAME: tag(reference)}}


def tag(reference: str) -> str:
    """`v1.37.0` of `registry.k8s.io/pause:v1.37.0`; the digest's digits when there is no tag."""
    return reference.rpartition("/")[2].rpartition(":")[2]


def blob_name(digest: str) -> str:
    return f"{BLOBS}/{hex_of(digest)}"


def _check_members(members: tuple[ArchiveMember, ...]) -> None:
    names = [member.name for member in members]
    if tuple(names[: len(LEADING)]) != LEADING:
        raise Damaged(f"{MANIFEST_MEMBER} does not begin with {', '.join(LEADING)}")
    for member in members[len(LEADING) :]:
        if member.name != blob_name(member.digest):
            raise Damaged(f"{MANIFEST_MEMBER} names {member.name[:120]!r}, which is no blob with its digest")
    if len(set(names)) != len(names):
        raise Damaged(f"{MANIFEST_MEMBER} names a member twice")
    if sum(member.size for member in members) > TOTAL_LIMIT:
        raise Damaged(f"its members are larger than {TOTAL_LIMIT >> 30} GiB")


def _encoded(image: BundledImage) -> dict[str, Any]:
    platforms = [{"architecture": p.architecture, "manifest": p.manifest, "config": p.config} for p in image.platforms]
    return {
        "reference": image.reference,
        "source": image.source,
        "target": dict(image.target),
        "critical": image.critical,
        "platforms": platforms,
    }


def _decoded(body: Mapping[str, Any]) -> BundledImage:
    target = body["target"]
    if target["mediaType"] not in (*INDEXES, *MANIFESTS):
        raise ValueError(f"{target['mediaType']!r} is no image")
    return BundledImage(
        reference=_reference(body["reference"]),
        source=_text(body["source"]),
        target={"mediaType": target["mediaType"], "digest": _digest(target["digest"]), "size": _size(target["size"])},
        platforms=tuple(
            PlatformImage(_matching(_ARCHITECTURE, p["architecture"]), _digest(p["manifest"]), _digest(p["config"]))
            for p in body["platforms"]
        ),
        critical=body["critical"] is True,
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 512 or not value.isprintable():
        raise ValueError(f"{str(value)[:60]!r} is not a text")
    return value


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not pattern.fullmatch(_text(value)):
        raise ValueError(f"{str(value)[:60]!r} is not allowed here")
    return str(value)


def _reference(value: object) -> str:
    parse_reference(_matching(_REFERENCE, value))
    return str(value)


def _digest(value: object) -> str:
    return _matching(DIGEST, value)


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MEMBER_LIMIT:
        raise ValueError(f"{str(value)[:60]!r} is not a size")
    return value
