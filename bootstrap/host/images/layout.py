"""An OCI image layout: `oci-layout`, `index.json`, `blobs/sha256/…` (image-spec, image-layout.md)."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bootstrap.host.fs.replace import replacing
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.oci import (
    BLOBS,
    DOCUMENT_LIMIT,
    INDEX_FILE,
    LAYOUT,
    LAYOUT_FILE,
    Descriptor,
    hex_of,
    index_bytes,
    is_descriptor,
)

_CHUNK = 1 << 20


class Layout:
    """A layout in a directory. Nothing is made before something is added; what is added is verified and durable."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, digest: str) -> bool:
        return self._blob(digest).is_file()

    def size(self, digest: str) -> int:
        """Bytes of a blob. Raises BootstrapError (exit 9) when it is not here."""
        try:
            return self._blob(digest).stat().st_size
        except FileNotFoundError:
            raise self._missing(digest) from None

    def open(self, digest: str) -> IO[bytes]:
        """A blob's bytes, as they lie here: `add` has verified them, another program's layout may be damaged."""
        try:
            return self._blob(digest).open("rb")
        except FileNotFoundError:
            raise self._missing(digest) from None

    def read(self, digest: str) -> bytes:
        """A document (index, manifest, configuration), verified. Raises BootstrapError (exit 9)."""
        with self.open(digest) as blob:
            content = blob.read(DOCUMENT_LIMIT + 1)
        if len(content) > DOCUMENT_LIMIT:
            raise BootstrapError(f"{digest} is too large for a document", code=Exit.IMAGE, why=f"over {DOCUMENT_LIMIT}")
        _expect(digest, hashlib.sha256(content).hexdigest())
        return content

    def add(self, stream: IO[bytes], digest: str) -> int:
        """Stores a stream as the blob of that digest and returns its size; there is no blob when it has another.

        Raises BootstrapError (exit 9). A blob that is here already is kept, and the stream is not read.
        """
        target = self._blob(digest)
        if self.has(digest):
            return self.size(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        hashed, size = hashlib.sha256(), 0
        with replacing(target) as file:
            while chunk := stream.read(_CHUNK):
                hashed.update(chunk)
                size += file.write(chunk)
            _expect(digest, hashed.hexdigest())
        return size

    def store(self, stream: IO[bytes]) -> str:
        """Stores a stream whose digest is not known before, and returns it."""
        folder = self.path / BLOBS
        folder.mkdir(parents=True, exist_ok=True)
        hashed = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
            try:
                while chunk := stream.read(_CHUNK):
                    hashed.update(chunk)
                    file.write(chunk)
                Path(file.name).rename(folder / hashed.hexdigest())
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        return f"sha256:{hashed.hexdigest()}"

    def index(self) -> list[Descriptor]:
        """The descriptors of index.json. Raises BootstrapError (exit 9) when this is no layout."""
        try:
            version = json.loads((self.path / LAYOUT_FILE).read_bytes())["imageLayoutVersion"]
            manifests = json.loads((self.path / INDEX_FILE).read_bytes())["manifests"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
            raise BootstrapError(
                f"{self.path} is not an OCI image layout",
                code=Exit.IMAGE,
                why=str(e),
                fix="give a folder with oci-layout, index.json and blobs/",
            ) from e
        if version != "1.0.0" or not isinstance(manifests, list):
            raise BootstrapError(f"{self.path} is an image layout of another kind", code=Exit.IMAGE, why=str(version))
        if not all(is_descriptor(found) and isinstance(found.get("annotations", {}), dict) for found in manifests):
            raise BootstrapError(
                f"{self.path} is refused", code=Exit.IMAGE, why=f"{INDEX_FILE} has a descriptor that is not one"
            )
        return manifests

    def known(self) -> list[Descriptor]:
        """The index of a layout that may be new: then it has nothing."""
        return self.index() if (self.path / INDEX_FILE).exists() else []

    def set_index(self, descriptors: Sequence[Descriptor]) -> None:
        """Replaces index.json: last, since only what it names is in the layout."""
        self.path.mkdir(parents=True, exist_ok=True)
        with replacing(self.path / LAYOUT_FILE) as file:
            file.write(LAYOUT)
        with replacing(self.path / INDEX_FILE) as file:
            file.write(index_bytes(descriptors))

    def discard(self) -> None:
        """Removes a layout that was only a station on the way; one that is not there is fine."""
        if self.path.is_dir():
            shutil.rmtree(self.path)

    def _blob(self, digest: str) -> Path:
        return self.path / BLOBS / hex_of(digest)

    def _missing(self, digest: str) -> BootstrapError:
        return BootstrapError(f"{self.path} has no blob {digest}", code=Exit.IMAGE)


def _expect(digest: str, found: str) -> None:
    if found != hex_of(digest):
        raise BootstrapError(f"{digest} arrived as sha256:{found}", code=Exit.IMAGE, why="the bytes are not that blob")
