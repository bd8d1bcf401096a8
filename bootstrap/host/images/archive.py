"""Archives of images as `docker save` and its like write them: read once, from a stream, into a layout.

Two forms: an OCI layout in a tar (Docker 25 and newer, BuildKit, skopeo, podman), and Docker's own before that, in
which `manifest.json` names a configuration and layers by their files. Both may come packed.
"""

from __future__ import annotations

import io
import json
import posixpath
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from bootstrap.host.bundle.zstd import zstd
from bootstrap.host.images.layout import Layout
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.oci import (
    BLOBS,
    CONFIG,
    DOCUMENT_LIMIT,
    IMAGE_NAME,
    INDEX_FILE,
    LAYER,
    MANIFEST,
    Descriptor,
    is_descriptor,
)

DOCKER_FILE = "manifest.json"
_GZIP, _ZSTD, _BZIP2, _XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"
_BROKEN = (tarfile.TarError, EOFError, zlib.error, zstd.ZstdError, ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True)
class ArchivedImage:
    """What an archive has under some names (as they are written there; maybe none): an index or a manifest."""

    names: tuple[str, ...]
    target: Descriptor


def unpack(stream: IO[bytes], layout: Layout) -> list[ArchivedImage]:
    """Stores what is in an archive and returns its images. Raises BootstrapError (exit 9)."""
    reader = io.BufferedReader(cast(io.RawIOBase, stream)) if not hasattr(stream, "peek") else stream
    try:
        files, documents = _stored(_plain(reader), layout)
        return _images(documents, files, layout)
    except BootstrapError:
        raise
    except (*_BROKEN, OSError) as e:
        if isinstance(e, OSError) and e.errno:
            raise  # the disk's
        raise refused(str(e) or "it ends too early") from e


def refused(why: str, fix: str = "make it again: docker save NAME:TAG") -> BootstrapError:
    return BootstrapError("this is no archive of images", code=Exit.IMAGE, why=why, fix=fix)


def _plain(reader: Any) -> IO[bytes]:
    """The tar in it, whatever it is packed with."""
    head = bytes(reader.peek(8)[:8])
    if not head:
        raise refused("it is empty", "docker save NAME:TAG | docker exec -i … images load - (the -i is needed)")
    if head.startswith(_GZIP):
        import gzip

        return cast(IO[bytes], gzip.GzipFile(fileobj=reader))
    if head.startswith(_ZSTD):
        return cast(IO[bytes], zstd.ZstdFile(reader))
    if head.startswith(_BZIP2):
        import bz2

        return cast(IO[bytes], bz2.BZ2File(reader))
    if head.startswith(_XZ):
        import lzma

        return cast(IO[bytes], lzma.LZMAFile(reader))
    return cast(IO[bytes], reader)


def _stored(tar: IO[bytes], layout: Layout) -> tuple[dict[str, str], dict[str, Any]]:
    """Digests of all files by their names, and the two documents that say what they are."""
    files: dict[str, str] = {}
    documents: dict[str, Any] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=tar, mode="r|") as archive:
        for member in archive:
            name = posixpath.normpath(member.name)
            if member.issym() or member.islnk():  # older Dockers write a layer once, and links to it
                beside = posixpath.dirname(name) if member.issym() else ""
                links[name] = posixpath.normpath(posixpath.join(beside, member.linkname))
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            folder, _, last = name.rpartition("/")
            if name in (INDEX_FILE, DOCKER_FILE):
                documents[name] = json.loads(content.read(DOCUMENT_LIMIT))
            elif folder == BLOBS:
                files[name] = f"sha256:{last}"
                layout.add(content, files[name])
            else:
                files[name] = layout.store(content)
    for name, target in links.items():
        if target in files:
            files[name] = files[target]
    return files, documents


def _images(documents: Mapping[str, Any], files: Mapping[str, str], layout: Layout) -> list[ArchivedImage]:
    listed = documents.get(DOCKER_FILE) or []
    if INDEX_FILE in documents:
        targets = documents[INDEX_FILE]["manifests"]
        if not all(is_descriptor(target) for target in targets):
            raise ValueError(f"{INDEX_FILE} has a descriptor that is not one")
        found = [ArchivedImage(_annotated(target), target) for target in targets]
        if any(image.names for image in found) or len(found) != 1:
            return found
        return [ArchivedImage(_tags(listed), found[0].target)]
    if DOCKER_FILE not in documents:
        raise refused(f"it has neither {INDEX_FILE} nor {DOCKER_FILE}")
    return [ArchivedImage(_tags([entry]), _described(entry, files, layout)) for entry in listed]


def _annotated(target: Descriptor) -> tuple[str, ...]:
    annotations = target.get("annotations")
    name = annotations.get(IMAGE_NAME) if isinstance(annotations, Mapping) else None
    return (name,) if isinstance(name, str) else ()


def _tags(entries: Sequence[Any]) -> tuple[str, ...]:
    return tuple(tag for entry in entries for tag in entry.get("RepoTags") or () if isinstance(tag, str))


def _described(entry: Mapping[str, Any], files: Mapping[str, str], layout: Layout) -> Descriptor:
    """The manifest that Docker's own form stands for, made and stored."""
    config = files[posixpath.normpath(entry["Config"])]
    layers = [files[posixpath.normpath(name)] for name in entry["Layers"]]
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config, "size": layout.size(config)},
        "layers": [{"mediaType": _kind(layout, d), "digest": d, "size": layout.size(d)} for d in layers],
    }
    content = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    digest = layout.store(io.BytesIO(content))
    return {"mediaType": MANIFEST, "digest": digest, "size": len(content)}


def _kind(layout: Layout, digest: str) -> str:
    """Docker wrote plain tars; other tools write the same form with packed ones."""
    with layout.open(digest) as blob:
        head = blob.read(4)
    return LAYER + ("+gzip" if head.startswith(_GZIP) else "+zstd" if head.startswith(_ZSTD) else "")
