"""Where a bundle's images come from. Each source is asked for descriptors first and for bytes later."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, cast

from bootstrap.host.bundle.tar import Writable
from bootstrap.host.docker.images import DockerImages
from bootstrap.host.images.archive import unpack
from bootstrap.host.images.layers import write_layer
from bootstrap.host.images.layout import Layout
from bootstrap.host.images.seed import CONTENT, SEED
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import named
from bootstrap.model.images.oci import IMAGE_NAME, INDEX, MANIFEST, Descriptor, hex_of, kind_of
from bootstrap.model.images.reference import parse_reference

_CHUNK = 1 << 20


class ImageSource(Protocol):
    """Images by their full references. Bytes are checked by whoever takes them."""

    name: str
    """What the bundle says about where an image came from."""
    lacking: Mapping[str, str]
    """Why it does not have some references, as far as that is known."""

    def target(self, reference: str) -> Descriptor | None:
        """The index or manifest that a reference means, None when it is not here."""

    def document(self, reference: str, descriptor: Descriptor) -> bytes:
        """An index, a manifest or a configuration."""

    def copy(self, reference: str, descriptor: Descriptor, output: Writable) -> None:
        """Writes a blob."""


class LayoutSource:
    """An OCI image layout. Several manifests under one name (a platform each) become one index."""

    def __init__(self, layout: Layout, name: str, lacking: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.lacking = lacking or {}
        self._layout = layout
        self._made: dict[str, bytes] = {}
        self._targets: dict[str, Descriptor] = {}
        by_name: dict[str, list[Descriptor]] = {}
        for descriptor in layout.index():
            if reference := descriptor.get("annotations", {}).get(IMAGE_NAME):
                by_name.setdefault(_full(reference), []).append(descriptor)
        for reference, found in by_name.items():
            self._targets[reference] = found[0] if len(found) == 1 else self._joined(found)

    def target(self, reference: str) -> Descriptor | None:
        """A reference with a digest is also had by another name, and as one of the manifests of an index."""
        if reference in self._targets:
            return self._targets[reference]
        wanted = parse_reference(reference)
        known = ((parse_reference(name), target) for name, target in self._targets.items())
        found = next((target for name, target in known if wanted.means(name, target["digest"])), None)
        if found is None and wanted.digest and self._layout.has(wanted.digest):
            content = self._layout.read(wanted.digest)
            return {"mediaType": kind_of(json.loads(content)), "digest": wanted.digest, "size": len(content)}
        return found

    def document(self, reference: str, descriptor: Descriptor) -> bytes:
        return self._made.get(descriptor["digest"]) or self._layout.read(descriptor["digest"])

    def copy(self, reference: str, descriptor: Descriptor, output: Writable) -> None:
        if descriptor["digest"] in self._made:
            output.write(self._made[descriptor["digest"]])
            return
        with self._layout.open(descriptor["digest"]) as blob:
            shutil.copyfileobj(blob, output, _CHUNK)

    def _joined(self, found: Sequence[Descriptor]) -> Descriptor:
        children = [{key: value for key, value in child.items() if key != "annotations"} for child in found]
        content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}, sort_keys=True).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._made[digest] = content
        return {"mediaType": INDEX, "digest": digest, "size": len(content)}


class SeedSource:
    """The images inside our own image: documents are files, layers are made again from their trees (adr/0002)."""

    name = "seed"
    lacking: Mapping[str, str] = {}

    def __init__(self, seed: Path = SEED) -> None:
        self._seed = seed
        try:
            index: dict[str, Any] = json.loads((seed / "index.json").read_bytes())
        except FileNotFoundError:
            raise BootstrapError(
                f"there are no images in {seed}",
                code=Exit.IMAGE,
                why="the images inside are in the product's own container image only",
                fix=f"docker run --rm -v $PWD:/out {names.IMAGE} bundle create --from seed --file /out/FILE",
            ) from None
        self._trees = {digest: seed / layer["tree"] for digest, layer in index["layers"].items()}
        self._manifests = {name: image["manifest"] for image in index["images"] for name in image["names"]}

    def target(self, reference: str) -> Descriptor | None:
        digest = self._manifests.get(reference)
        if digest is None and "@" in reference:
            wanted = parse_reference(reference)
            known = ((parse_reference(name), found) for name, found in self._manifests.items())
            digest = next((found for name, found in known if wanted.means(name, found)), None)
        return {"mediaType": MANIFEST, "digest": digest, "size": self._blob(digest).stat().st_size} if digest else None

    def document(self, reference: str, descriptor: Descriptor) -> bytes:
        return self._blob(descriptor["digest"]).read_bytes()

    def copy(self, reference: str, descriptor: Descriptor, output: Writable) -> None:
        tree = self._trees.get(descriptor["digest"])
        if tree is None:
            output.write(self._blob(descriptor["digest"]).read_bytes())
        else:
            write_layer(tree, cast(IO[bytes], output))

    def _blob(self, digest: str) -> Path:
        return self._seed / CONTENT / "blobs/sha256" / hex_of(digest)


def _full(name: str) -> str:
    """As this program writes references; a name that is none is never asked for."""
    try:
        return str(parse_reference(name))
    except ValueError:
        return name


@contextlib.contextmanager
def docker_source(engine: DockerImages, references: Sequence[str]) -> Iterator[LayoutSource]:
    """A Docker engine's own images: what it saves, unpacked into a layout for as long as that is needed."""
    with tempfile.TemporaryDirectory(prefix="bootstrap-images-", dir="/var/tmp") as folder:
        layout, saved = Layout(Path(folder)), {}
        found: list[Descriptor] = []
        lacking: dict[str, str] = {}
        for reference, image in engine.ids(references).items():
            if image not in saved:
                saved[image] = [archived.target for archived in unpack(engine.saved(image), layout)]
            wanted = parse_reference(reference).digest
            if not wanted or any(wanted == target["digest"] for target in saved[image]):
                found += [named(descriptor, reference) for descriptor in saved[image]]
            else:
                lacking[reference] = "the Docker engine has it, but saves it with another digest"
        layout.set_index(found)
        yield LayoutSource(layout, "docker", lacking)
