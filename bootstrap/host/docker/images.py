"""Images of a Docker engine, through its socket."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from bootstrap.host.bundle.file import BundleFile
from bootstrap.host.bundle.tar import BLOCK, header, padding
from bootstrap.host.docker.engine import connect
from bootstrap.host.images.archive import DOCKER_FILE
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import BundledImage, blob_name, named
from bootstrap.model.images.oci import INDEX_FILE, LAYOUT, LAYOUT_FILE, MANIFESTS, index_bytes
from bootstrap.model.images.reference import parse_reference
from bootstrap.render.bundle.contents import collect

_CHUNK = 1 << 20


class DockerImages:
    """By a client that is there; else raises BootstrapError (exit 5) without an engine, `reach` being the way to the
    host's own."""

    def __init__(self, reach: Callable[[str], str] = str, client: Any = None) -> None:
        self._client = client or connect(reach)

    def ids(self, references: Sequence[str]) -> dict[str, str]:
        """Image ids of those references that the engine has: an id is the digest of the configuration."""
        import docker

        found = {}
        for reference in references:
            try:
                found[reference] = str(self._client.images.get(reference).id)
            except docker.errors.ImageNotFound:
                continue
        return found

    def saved(self, image: str) -> IO[bytes]:
        """What `docker save` writes."""
        return io.BufferedReader(_Pieces(self._client.api.get_image(image, chunk_size=_CHUNK)), _CHUNK)

    def load(self, bundle: BundleFile, architecture: str) -> tuple[str, ...]:
        """Loads what is not there already, and returns those references. Raises BootstrapError (exit 9)."""
        import docker

        images = sorted(bundle.manifest.images, key=lambda image: "@" not in image.reference)  # a tag alone has it
        wanted = {
            str(parse_reference(image.reference).tagged): image for image in images if image.platform(architecture)
        }
        there = self.ids(tuple(wanted))
        missing = {name: image for name, image in wanted.items() if there.get(name) not in _ids(image, architecture)}
        if not missing:
            return ()
        if nameless := tuple(name for name in missing if "@" in name):
            raise BootstrapError(
                "a Docker engine learns digests from registries only",
                code=Exit.IMAGE,
                why="these images have no tag in the bundle",
                details=nameless,
                fix="make the bundle with --image REPOSITORY:TAG@sha256:…",
            )
        try:
            for _ in self._client.api.load_image(_archive(bundle, missing, architecture)):
                pass
        except docker.errors.APIError as e:
            raise BootstrapError("the Docker engine refused the images", code=Exit.IMAGE, why=str(e)[:300]) from e
        self._check(missing, architecture)
        return tuple(missing)

    def _check(self, wanted: Mapping[str, BundledImage], architecture: str) -> None:
        there = self.ids(tuple(wanted))
        for name, image in wanted.items():
            if there.get(name) not in (known := _ids(image, architecture)):
                raise BootstrapError(
                    f"the Docker engine has {name} as {there.get(name, 'nothing')}",
                    code=Exit.IMAGE,
                    why=f"the bundle's is {known[0]}",
                )


def _ids(image: BundledImage, architecture: str) -> tuple[str, ...]:
    """What an engine may call it: by its configuration, or by its target in the containerd image store."""
    platform = image.platform(architecture)
    return (platform.config, str(image.target["digest"])) if platform else ()


def _archive(bundle: BundleFile, images: Mapping[str, BundledImage], architecture: str) -> Iterator[bytes]:
    """What `docker load` reads, in both forms: engines of either image store take the one that keeps most."""
    entries, needed = [], set[str]()
    for name, image in images.items():
        blobs = collect(image.target, lambda found: bundle.documents[found["digest"]], [architecture]).blobs
        *_, manifest = (blob for blob in blobs if blob["mediaType"] in MANIFESTS)
        parts = json.loads(bundle.documents[manifest["digest"]])
        layers = [blob_name(layer["digest"]) for layer in parts["layers"]]
        entries.append({"Config": blob_name(parts["config"]["digest"]), "RepoTags": [name], "Layers": layers})
        needed |= {blob_name(blob["digest"]) for blob in blobs}
    for member, content in bundle.blobs():
        if member.name in needed:
            yield header(member.name, member.size)
            yield from content
            yield padding(member.size)
        else:
            for _ in content:
                pass
    index = index_bytes([named(image.target, name) for name, image in images.items()])
    for file, text in ((DOCKER_FILE, json.dumps(entries).encode()), (INDEX_FILE, index), (LAYOUT_FILE, LAYOUT)):
        yield header(file, len(text)) + text + padding(len(text))
    yield bytes(2 * BLOCK)


class _Pieces(io.RawIOBase):
    """A file object over an iterator of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)
