"""The images inside our image, brought into a containerd that is not ours: as an archive, through its own API."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bootstrap.host.images.layers import write_layer
from bootstrap.host.images.seed import CONTENT, SEED, seed_index
from bootstrap.host.port import Host
from bootstrap.host.runtime.containerd import Containerd
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.oci import (
    BLOBS,
    IMAGE_NAME,
    INDEX_FILE,
    LAYOUT,
    LAYOUT_FILE,
    MANIFEST,
    Descriptor,
    hex_of,
    index_bytes,
)


def import_seed(host: Host, socket: str, seed: Path = SEED) -> None:
    """Import and pin all images of the seed. Raises BootstrapError (exit 5, 9)."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "images.tar")
        write_archive(seed, archive)
        Containerd(host, socket).import_archive(str(archive))


def write_archive(seed: Path, target: Path) -> None:
    """An OCI image layout in one tar (image-spec: image-layout.md); layers are made again from their trees."""
    index = seed_index(seed)
    with tarfile.open(target, "w") as archive:
        for digest, layer in index["layers"].items():
            with tempfile.TemporaryFile(dir=target.parent) as tar:
                _write_checked(seed / layer["tree"], tar, digest)
                archive.addfile(_member(_blob(digest), layer["size"]), tar)
        documents = {d: _document(seed, d) for image in index["images"] for d in (image["config"], image["manifest"])}
        files = {_blob(digest): content for digest, content in documents.items()}
        files[LAYOUT_FILE] = LAYOUT
        files[INDEX_FILE] = index_bytes(
            [_described(image["manifest"], documents, name) for image in index["images"] for name in image["names"]]
        )
        for name, content in files.items():
            archive.addfile(_member(name, len(content)), io.BytesIO(content))


def _write_checked(tree: Path, output: IO[bytes], digest: str) -> None:
    made = write_layer(tree, output)
    if made != digest:
        raise BootstrapError(
            f"layer {digest} of the images inside gives {made}",
            code=Exit.IMAGE,
            why="files of this image were changed",
            fix="run an image that nobody changed",
        )
    output.seek(0)


def _document(seed: Path, digest: str) -> bytes:
    return (seed / CONTENT / _blob(digest)).read_bytes()


def _described(digest: str, documents: Mapping[str, bytes], name: str) -> Descriptor:
    """A manifest under one name, in a layout's index."""
    size = len(documents[digest])
    return {"mediaType": MANIFEST, "digest": digest, "size": size, "annotations": {IMAGE_NAME: name}}


def _blob(digest: str) -> str:
    return f"{BLOBS}/{hex_of(digest)}"


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member
