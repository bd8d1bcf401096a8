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


def index_bytes(descriptors: Sequence[Descriptor]) -> bytes:
    """index.json of a layout."""
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(descriptors)}
    return json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
