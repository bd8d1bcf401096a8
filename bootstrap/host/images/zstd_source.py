"""Layers that lie somewhere as plain tars, as zstd for a bundle: less to prove, to send and to store."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO, cast

from bootstrap.host.bundle.tar import Writable
from bootstrap.host.bundle.zstd import Compressor
from bootstrap.host.images.layers import HashingWriter
from bootstrap.host.images.sources import ImageSource
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.oci import LAYER, MANIFEST, ZSTD_LAYER, Descriptor

_CHUNK = 1 << 20


class PackedSource:
    """Another source's images with their layers as zstd: the same configurations, hence image ids, in new manifests.

    It is for sources whose manifests have no digest that is known elsewhere: the images inside, a Docker engine's own.
    An image with layers of any other kind stays as it is.
    """

    def __init__(self, origin: ImageSource, level: int, files: contextlib.ExitStack) -> None:
        self.name, self.lacking = origin.name, origin.lacking
        self._origin = origin
        self._level = level
        self._files = files
        self._packed: dict[str, Descriptor] = {}
        self._made: dict[str, IO[bytes]] = {}

    def target(self, reference: str) -> Descriptor | None:
        """Raises BootstrapError (exit 9) when a layer is not what its digest says."""
        found = self._origin.target(reference)
        if found is None or found["mediaType"] != MANIFEST or "@" in reference:  # a digest is to stay what it is
            return found
        manifest = json.loads(self._origin.document(reference, found))
        if any(layer["mediaType"] != LAYER for layer in manifest["layers"]):
            return found
        layers = [self._layer(reference, layer) for layer in manifest["layers"]]
        content = json.dumps({**manifest, "layers": layers}, sort_keys=True, separators=(",", ":")).encode()
        return self._keep(io.BytesIO(content), hashlib.sha256(content).hexdigest(), MANIFEST)

    def document(self, reference: str, descriptor: Descriptor) -> bytes:
        made = self._made.get(descriptor["digest"])
        return self._origin.document(reference, descriptor) if made is None else _from_start(made).read()

    def copy(self, reference: str, descriptor: Descriptor, output: Writable) -> None:
        made = self._made.get(descriptor["digest"])
        if made is None:
            self._origin.copy(reference, descriptor, output)
        else:
            shutil.copyfileobj(_from_start(made), output, _CHUNK)

    def _layer(self, reference: str, layer: Descriptor) -> Descriptor:
        if layer["digest"] not in self._packed:
            self._packed[layer["digest"]] = self._compressed(reference, layer)
        return self._packed[layer["digest"]]

    def _compressed(self, reference: str, layer: Descriptor) -> Descriptor:
        file = self._files.enter_context(tempfile.TemporaryFile(dir="/var/tmp"))  # noqa: SIM115 - for all images
        packed = HashingWriter(file)
        packer = Compressor(packed, self._level)
        plain = HashingWriter(cast(IO[bytes], packer))
        self._origin.copy(reference, layer, plain)
        packer.close()
        if f"sha256:{plain.digest.hexdigest()}" != layer["digest"]:
            raise BootstrapError(
                f"{layer['digest']} of {reference} came with other bytes",
                code=Exit.IMAGE,
                why=f"what lies in {self.name} is damaged",
                fix="bring the image there once more, or name another source: bundle create --from …",
            )
        return self._keep(file, packed.digest.hexdigest(), ZSTD_LAYER)

    def _keep(self, file: IO[bytes], digest: str, kind: str) -> Descriptor:
        name = f"sha256:{digest}"
        self._made[name] = file
        return {"mediaType": kind, "digest": name, "size": file.seek(0, io.SEEK_END)}


@contextlib.contextmanager
def packed(origin: ImageSource, level: int) -> Iterator[ImageSource]:
    """A source with its layers packed at a level of zstd, for as long as that is needed."""
    with contextlib.ExitStack() as files:
        yield PackedSource(origin, level, files)


def _from_start(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file
