"""A bundle's file: written once, read twice. The first pass proves everything, the second one hands out the blobs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from bootstrap.host.bundle.tar import ArchiveReader, ArchiveWriter, Writable
from bootstrap.host.bundle.zstd import Compressor, Decompressor
from bootstrap.host.fs.given import LOOKED_UP
from bootstrap.host.fs.replace import replacing
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import (
    LEADING,
    MANIFEST_LIMIT,
    MANIFEST_MEMBER,
    SIGNATURE_LIMIT,
    SIGNATURE_MEMBER,
    ArchiveMember,
    BundleManifest,
    Damaged,
    Untrusted,
    decode,
)
from bootstrap.model.images.oci import DOCUMENT_LIMIT, INDEX_FILE, LAYOUT, LAYOUT_FILE
from bootstrap.render.bundle.contents import check_graph, documents_of
from bootstrap.render.bundle.signature import check, claimed_signer

DOCUMENTS_LIMIT = 64 << 20
"""Bytes of all indexes, manifests and configurations, which are kept in memory while a bundle is checked."""

Blobs = Iterator[tuple[ArchiveMember, Iterator[bytes]]]
Reach = Callable[[str], str]
"""By which path we get to what the user names: `Host.reach`."""
Fill = Callable[[ArchiveMember, Writable], None]
"""Writes the content of a member."""


@dataclass(frozen=True)
class Trust:
    """Public keys (PEM) whose signatures count; with `unsigned` no signature is looked at."""

    keys: tuple[bytes, ...] = ()
    unsigned: bool = False


@dataclass(frozen=True)
class BundleFile:
    """A bundle that was read to its end and is whole. `signer` is the id of the key, empty when none was asked for."""

    path: Path
    manifest: BundleManifest
    signer: str
    size: int
    documents: dict[str, bytes] = field(repr=False)
    """Indexes, manifests and configurations by digest."""
    _file: IO[bytes] = field(repr=False)

    def blobs(self) -> Blobs:
        """Every blob in the archive's order, proven once more on the way: the file may have changed meanwhile.

        Raises BootstrapError (exit 9). Each content must be read before the next member is taken.
        """
        with _refusing(self.path):
            self._file.seek(0)
            reader = ArchiveReader(Decompressor(self._file))
            reader.small(MANIFEST_MEMBER, MANIFEST_LIMIT)
            reader.small(SIGNATURE_MEMBER, SIGNATURE_LIMIT)
            for number, member in enumerate(self.manifest.members):
                content = reader.content(member)
                if number < len(LEADING):
                    _read(content)
                else:
                    yield member, _guarded(self.path, content)


def write_bundle(
    path: Path, manifest: BundleManifest, signature: bytes, leading: Sequence[bytes], fill: Fill, level: int
) -> None:
    """Writes the file, whole or not at all; `leading` are SBOM, layout file and index."""
    with _refusing(path), replacing(path) as file:
        packed = Compressor(file, level)
        archive = ArchiveWriter(packed)
        archive.add(MANIFEST_MEMBER, manifest.encode())
        archive.add(SIGNATURE_MEMBER, signature)
        for name, content in zip(LEADING, leading, strict=True):
            archive.add(name, content)
        for member in manifest.members[len(LEADING) :]:
            archive.begin(member)
            fill(member, archive)
            archive.end(member)
        archive.close()
        packed.close()


@contextlib.contextmanager
def verified(path: Path, trust: Trust, reach: Reach = str) -> Iterator[BundleFile]:
    """A bundle of which every byte was checked. Raises BootstrapError (exit 9) with what is wrong."""
    with _open(path, reach) as file:
        with _refusing(path):
            manifest, signer, documents = _prove(file, trust)
        yield BundleFile(path, manifest, signer, os.fstat(file.fileno()).st_size, documents, file)


def inspected(path: Path, reach: Reach = str) -> tuple[BundleManifest, bytes, str]:
    """What a bundle says about itself, unproven: no more of it is read.

    The manifest, its signature, and the id of the key that is said to have signed; both are empty without one.
    """
    with _open(path, reach) as file, _refusing(path):
        content, signature = _head(ArchiveReader(Decompressor(file)))
        return decode(content), signature, claimed_signer(signature)


def _prove(file: IO[bytes], trust: Trust) -> tuple[BundleManifest, str, dict[str, bytes]]:
    packed = Decompressor(file)
    reader = ArchiveReader(packed)
    content, signature = _head(reader)
    signer = "" if trust.unsigned else check(content, signature, trust.keys)
    manifest = decode(content)
    wanted, documents, index, kept = documents_of(manifest), {}, b"", 0
    for member in manifest.members:
        if member.digest in wanted or member.name in LEADING[1:]:
            kept += member.size
            if member.size > DOCUMENT_LIMIT or kept > DOCUMENTS_LIMIT:
                raise Damaged(f"{member.name} is too large for a document")
            documents[member.digest] = _read(reader.content(member))
            index = documents[member.digest] if member.name == INDEX_FILE else index
            if member.name == LAYOUT_FILE and documents[member.digest] != LAYOUT:
                raise Damaged(f"{LAYOUT_FILE} is not that of version 1.0.0")
        else:
            for _ in reader.content(member):
                pass
    reader.end()
    packed.end()
    check_graph(manifest, documents, index)
    return manifest, signer, documents


def _head(reader: ArchiveReader) -> tuple[bytes, bytes]:
    return reader.small(MANIFEST_MEMBER, MANIFEST_LIMIT), reader.small(SIGNATURE_MEMBER, SIGNATURE_LIMIT)


def _guarded(path: Path, content: Iterator[bytes]) -> Iterator[bytes]:
    """The same, with damage said as an error: whoever reads it is outside of this module."""
    with _refusing(path):
        yield from content


def _read(content: Iterator[bytes]) -> bytes:
    return b"".join(content)


def _open(path: Path, reach: Reach) -> IO[bytes]:
    try:
        return open(reach(str(path.absolute())), "rb")
    except OSError as e:
        raise BootstrapError(
            f"cannot read {path}: {e.strerror}",
            code=Exit.IMAGE,
            why=LOOKED_UP,
            fix=f"docker run -v $PWD/{path.name}:/{path.name} … or docker cp {path.name} NAME:/",
        ) from e


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except Damaged as e:
        fix = "get the bundle again from where it was made, or have it signed: bootstrap bundle create --key KEY"
        if isinstance(e, Untrusted):
            fix = "name the maker's public key: --trusted-key FILE (or accept anybody's: --insecure-unsigned)"
        raise BootstrapError(f"{path} is refused: {e}", code=Exit.IMAGE, fix=fix) from e
