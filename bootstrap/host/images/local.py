"""An image in a layout, looked at for one platform, as a registry's is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.host.images.layout import Layout
from bootstrap.model.images.image import Blob, Platform, Resolved, platform_of
from bootstrap.model.images.oci import INDEXES, MANIFESTS, Descriptor, is_descriptor, kind_of

_DEPTH = 3
"""An index in an index's index: more is nobody's."""


class Unusable(Exception):
    """Why a layout does not have an image for this platform, in one line without its name."""


def resolve(layout: Layout, target: Descriptor, platform: Platform) -> Resolved:
    """Raises Unusable: the platforms that are there are named, and so is what is missing of the one that is meant."""
    offered: list[Platform] = []
    for documents, manifest in _manifests(layout, target, {}, _DEPTH):
        config, layers = _parts(documents[manifest.digest])
        if not layout.has(config.digest):
            continue
        content = layout.read(config.digest)
        found = platform_of(_object(content))
        if not platform.fits(found):
            offered += [found] if found.os not in ("", "unknown") else []  # attestations are for no platform
            continue
        lacking = [layer.digest for layer in layers if not layout.has(layer.digest)]
        if lacking:
            raise Unusable(f"it lacks {len(lacking)} of {len(layers)} layers for {platform}")
        top = Blob(str(target["mediaType"]), str(target["digest"]), int(target["size"]))
        return Resolved(top, manifest, config, layers, {**documents, config.digest: content})
    there = ", ".join(dict.fromkeys(map(str, offered)))
    raise Unusable(f"it is for {there}, not for {platform}" if there else "it has no image's manifest in it")


def _manifests(
    layout: Layout, target: Descriptor, above: Mapping[str, bytes], depth: int
) -> Iterator[tuple[dict[str, bytes], Blob]]:
    """Every image manifest below a target that is here, with the documents on the way to it."""
    digest = str(target["digest"])
    if not depth or not layout.has(digest):
        return
    content = layout.read(digest)
    document, documents = _object(content), {**above, digest: content}
    kind = kind_of(document) or str(target["mediaType"])
    if kind in INDEXES:
        children = document.get("manifests")
        for child in children if isinstance(children, list) else ():
            if is_descriptor(child):
                yield from _manifests(layout, child, documents, depth - 1)
    elif kind in MANIFESTS:
        yield documents, Blob(kind, digest, len(content))


def _parts(content: bytes) -> tuple[Blob, tuple[Blob, ...]]:
    manifest = _object(content)
    layers = manifest.get("layers")
    blobs = [manifest.get("config"), *(layers if isinstance(layers, list) else ())]
    if not all(is_descriptor(blob) for blob in blobs):
        raise Unusable("its manifest has a descriptor that is not one")
    config, *rest = (Blob(blob["mediaType"], blob["digest"], blob["size"]) for blob in blobs)
    return config, tuple(rest)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as e:
        raise Unusable("a document in it is not JSON") from e
    if not isinstance(found, dict):
        raise Unusable("a document in it is not an object")
    return found
