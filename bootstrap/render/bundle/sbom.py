"""What is in a bundle, as an SPDX 2.3 document."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from bootstrap.model.images.bundle import ArchiveMember, BundledImage, tag

_NAMESPACE = uuid.UUID("6f1f9d0c-6f0e-5c63-8c11-1a0c54f8f6d7")
"""Ours, for version 5 UUIDs: the same content gives the same document."""


def spdx(images: Sequence[BundledImage], blobs: Sequence[ArchiveMember], created: str) -> bytes:
    """Packages are the bundle, each image for each architecture, and each blob, with its SHA-256."""
    content = "\n".join(sorted(blob.digest for blob in blobs))
    packages = [_package("bundle", "bundle", {})]
    relations = [_relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-bundle")]
    for number, image in enumerate(images):
        for platform in image.platforms:
            name = f"image-{number}-{platform.architecture}"
            about: dict[str, Any] = {"versionInfo": tag(image.reference), "sourceInfo": f"from {image.source}"}
            packages.append(_package(name, image.reference, {**about, "externalRefs": [_purl(image, platform)]}))
            relations.append(_relation("SPDXRef-bundle", "CONTAINS", f"SPDXRef-{name}"))
            relations.append(_relation(f"SPDXRef-{name}", "CONTAINS", _blob_id(platform.manifest)))
    for blob in blobs:
        about = {"packageFileName": blob.name, "checksums": [_checksum(blob.digest)]}
        packages.append(_package(_blob_id(blob.digest).removeprefix("SPDXRef-"), blob.name, about))
        relations.append(_relation("SPDXRef-bundle", "CONTAINS", _blob_id(blob.digest)))
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "bootstrap-bundle",
        "documentNamespace": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "creationInfo": {"created": created, "creators": ["Tool: bootstrap"]},
        "packages": packages,
        "relationships": relations,
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _package(identifier: str, name: str, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "SPDXID": f"SPDXRef-{identifier}",
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        **about,
    }


def _purl(image: BundledImage, platform: Any) -> dict[str, str]:
    """A package URL of type oci (purl-spec)."""
    repository = image.reference.partition("@")[0].rpartition(":")[0] or image.reference
    name = repository.rpartition("/")[2]
    query = f"arch={platform.architecture}&repository_url={repository}&tag={tag(image.reference)}"
    return {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": f"pkg:oci/{name}@{platform.manifest.replace(':', '%3A')}?{query}",
    }


def _checksum(digest: str) -> dict[str, str]:
    return {"algorithm": "SHA256", "checksumValue": digest.removeprefix("sha256:")}


def _blob_id(digest: str) -> str:
    return f"SPDXRef-blob-{digest.removeprefix('sha256:')}"


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
