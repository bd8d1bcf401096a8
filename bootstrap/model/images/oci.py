"""OCI images as data: media types, digests, descriptors (image-spec 1.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.model.errors import BootstrapError, Exit

Descriptor = Mapping[str, Any]
"""`mediaType`, `digest`, `size` and what else its author said (`platform`, `annotations`): kept as it came."""

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ZSTD_LAYER = f"{LAYER}+zstd"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (INDEX, DOCKER_INDEX)
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
"""How the media types of Docker's first manifests begin (`+json`, `+prettyjws`): no runtime of today reads them."""

LAYOUT_FILE = "oci-layout"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_FILE = "index.json"
BLOBS = "blobs/sha256"

REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
"""The full reference of an image in a layout's index, as containerd and BuildKit write and read it."""

DOCUMENT_LIMIT = 4 << 20
"""Bytes of an index, a manifest or a configuration: registries refuse larger manifests (distribution-spec)."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def hex_of(digest: str) -> str:
    """The 64 hexadecimal digits of `sha256:…`: nothing else ever becomes part of a path (exit 9)."""
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise BootstrapError(f"{str(digest)[:80]!r} is not a digest", code=Exit.IMAGE, why="only sha256:<64 hex> is")
    return digest.removeprefix("sha256:")


def kind_of(document: Mapping[str, Any]) -> str:
    """The media type of an index or a manifest by what stands in it; the field itself may be missing in OCI's."""
    said = document.get("mediaType")
    if isinstance(said, str) and said:
        return said
    if document.get("schemaVersion") == 1:
        return f"{SCHEMA_1}+json"
    if isinstance(document.get("manifests"), list):
        return INDEX
    return MANIFEST if isinstance(document.get("layers"), list) and "config" in document else ""


def is_descriptor(entry: Any) -> bool:
    """Whether a type, a digest and a size stand there: asked before anything makes a path or a URL of it."""
    if not isinstance(entry, Mapping):
        return False
    digest, size = entry.get("digest"), entry.get("size")
    known = isinstance(digest, str) and DIGEST.fullmatch(digest) is not None
    return known and isinstance(entry.get("mediaType"), str) and type(size) is int and size >= 0


def index_bytes(descriptors: Sequence[Descriptor]) -> bytes:
    """index.json of a layout."""
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(descriptors)}
    return json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
