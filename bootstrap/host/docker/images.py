"""Images of a Docker engine, through its socket."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from bootstrap.host.bundle.file import BundleFile
from bootstrap.host.bundle.tar import BLOCK, header, padding
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import blob_name

NODE_SOCKET = "/docker.sock"
"""Where a node container's engine can be mounted: systemd covers /run, and with it the usual place."""
MOUNTED_SOCKET = "/var/run/docker.sock"
HOST_SOCKET = "/run/docker.sock"
_CHUNK = 1 << 20
_TIMEOUT = 3600
"""Seconds until an engine must have answered: saving and loading take as long as disks need."""


class DockerImages:
    """The engine behind a mounted socket, or where DOCKER_HOST leads, or the host's own (`reach`: its way to it).

    Raises BootstrapError (exit 5) without one.
    """

    def __init__(self, reach: Callable[[str], str] = str) -> None:
        import docker

        mounted = next((path for path in (NODE_SOCKET, MOUNTED_SOCKET, reach(HOST_SOCKET)) if Path(path).exists()), "")
        try:
            if mounted and "DOCKER_HOST" not in os.environ:
                self._client: Any = docker.DockerClient(base_url=f"unix://{mounted}", timeout=_TIMEOUT)
            else:
                self._client = docker.from_env(timeout=_TIMEOUT)
            self._client.ping()
        except docker.errors.DockerException as e:
            raise BootstrapError(
                "no Docker engine answers",
                code=Exit.EFFECT,
                why=str(e)[:200],
                fix=f"mount its socket: docker run -v /var/run/docker.sock:{NODE_SOCKET} …",
            ) from e

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

        wanted = {
            image.reference: platform
            for image in bundle.manifest.images
            if (platform := image.platform(architecture)) is not None
        }
        there = self.ids(tuple(wanted))
        missing = {name: platform for name, platform in wanted.items() if there.get(name) != platform.config}
        if not missing:
            return ()
        manifests = [
            (name, json.loads(bundle.documents[platform.manifest]), platform.config)
            for name, platform in missing.items()
        ]
        entries: list[dict[str, Any]] = [
            {
                "Config": blob_name(config),
                "RepoTags": [name.partition("@")[0]],
                "Layers": [blob_name(layer["digest"]) for layer in manifest["layers"]],
            }
            for name, manifest, config in manifests
        ]
        needed = {path for entry in entries for path in (entry["Config"], *entry["Layers"])}
        try:
            for _ in self._client.api.load_image(_archive(bundle, needed, json.dumps(entries).encode())):
                pass
        except docker.errors.APIError as e:
            raise BootstrapError("the Docker engine refused the images", code=Exit.IMAGE, why=str(e)[:300]) from e
        self._check(missing)
        return tuple(missing)

    def _check(self, wanted: dict[str, Any]) -> None:
        there = self.ids(tuple(wanted))
        for name, platform in wanted.items():
            if there.get(name) != platform.config:
                raise BootstrapError(
                    f"the Docker engine has {name} as {there.get(name, 'nothing')}",
                    code=Exit.IMAGE,
                    why=f"the bundle's is {platform.config}",
                )


def _archive(bundle: BundleFile, needed: set[str], manifest: bytes) -> Iterator[bytes]:
    """The archive that `docker load` reads: blobs, and a manifest.json that says which images they make."""
    for member, content in bundle.blobs():
        if member.name in needed:
            yield header(member.name, member.size)
            yield from content
            yield padding(member.size)
        else:
            for _ in content:
                pass
    yield header("manifest.json", len(manifest)) + manifest + padding(len(manifest)) + bytes(2 * BLOCK)


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
