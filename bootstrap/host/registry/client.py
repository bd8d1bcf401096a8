"""One registry, spoken to by the OCI distribution specification: manifests and blobs, each proven by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import requests

from bootstrap.host.registry.documents import descriptor, entries, parsed, platform_in
from bootstrap.host.registry.limits import DamagedError, Deadline, Limits, MissingError, PassingError, RegistryError
from bootstrap.host.registry.stream import BROKEN, READ, BlobStream, Moved, scope_of
from bootstrap.host.registry.transport import Transport
from bootstrap.model.images.image import Blob, Platform, Resolved, platform_of
from bootstrap.model.images.mirrors import Server
from bootstrap.model.images.oci import DIGEST, DOCUMENT_LIMIT, INDEXES, MANIFESTS, SCHEMA_1, kind_of

_ACCEPT = ", ".join((*INDEXES, *MANIFESTS))


class RegistryClient:
    """Reads images from one server. Every method raises RegistryError; nothing unproven is returned."""

    def __init__(self, server: Server, limits: Limits, deadline: Deadline) -> None:
        self.server = server
        self._transport = Transport(server, limits, deadline)

    def digest(self, repository: str, wanted: str) -> str:
        """What a tag stands for now, by a HEAD request; of the bytes themselves where the server does not say it."""
        answer = self._transport.open(
            f"/v2/{repository}/manifests/{wanted}", scope_of(repository), {"Accept": _ACCEPT}, "HEAD"
        )
        answer.close()
        said = answer.headers.get("Docker-Content-Digest", "")
        return said if DIGEST.fullmatch(said) else self._manifest(repository, wanted)[0].digest

    def resolve(self, repository: str, wanted: str, platform: Platform) -> Resolved:
        """A tag or digest for one platform: index, manifest and configuration, read and proven."""
        top, body = self._manifest(repository, wanted)
        documents = {top.digest: body}
        manifest = top
        if top.media_type in INDEXES:
            manifest = self._chosen(parsed(self.server.host, body), platform, repository)
            _, body = self._manifest(repository, manifest.digest)
            documents[manifest.digest] = body
        document = parsed(self.server.host, body)
        config = descriptor(self.server.host, document.get("config"))
        layers = tuple(descriptor(self.server.host, layer) for layer in entries(self.server.host, document, "layers"))
        documents[config.digest] = self._document(repository, config)
        self._check_platform(config, parsed(self.server.host, documents[config.digest]), platform, repository)
        return Resolved(top, manifest, config, layers, documents)

    def blob(self, repository: str, blob: Blob, moved: Moved) -> BlobStream:
        """A blob to read from, which goes on by itself where a connection was cut. The reader proves the digest."""
        return BlobStream(self._transport, repository, blob, moved)

    def _manifest(self, repository: str, wanted: str) -> tuple[Blob, bytes]:
        answer = self._transport.persistently(lambda: self._whole(f"/v2/{repository}/manifests/{wanted}", repository))
        body: bytes = answer.content
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if wanted.startswith("sha256:") and digest != wanted:
            raise DamagedError(f"{self.server.host}: sent {digest} as {repository}@{wanted}")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind not in (*INDEXES, *MANIFESTS):
            kind = kind_of(parsed(self.server.host, body)) or kind
        if kind.startswith(SCHEMA_1):
            raise RegistryError(
                f"{self.server.host}: has {repository} in Docker's schema 1, which runtimes no longer read; "
                "push it again with a Docker of today"
            )
        if kind not in (*INDEXES, *MANIFESTS):
            raise RegistryError(f'{self.server.host}: "{kind[:80]}" is not a manifest that this program reads')
        return Blob(kind, digest, len(body)), body

    def _whole(self, path: str, repository: str) -> requests.Response:
        """An answer with its body, which must be small."""
        answer = self._transport.once(path, scope_of(repository), {"Accept": _ACCEPT})
        body = _read_at_most(self, answer, DOCUMENT_LIMIT, self._transport.deadline)
        answer._content = body  # requests' own place for a body that was read
        return answer

    def _document(self, repository: str, blob: Blob) -> bytes:
        if blob.size > DOCUMENT_LIMIT:
            raise RegistryError(f"{self.server.host}: a configuration of {blob.size} bytes is refused")
        with self.blob(repository, blob, lambda count: None) as stream:
            body = stream.read(blob.size)
            while len(body) < blob.size:
                body += stream.read(blob.size - len(body))
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != blob.digest:
            raise DamagedError(f"{self.server.host}: sent other bytes than {repository}@{blob.digest}")
        return body

    def _chosen(self, index: Mapping[str, Any], platform: Platform, repository: str) -> Blob:
        listed = entries(self.server.host, index, "manifests")
        for entry in listed:
            offered = platform_in(entry)
            if offered and platform.fits(offered):
                return descriptor(self.server.host, entry)
        there = ", ".join(str(p) for entry in listed if (p := platform_in(entry))) or "none"
        raise MissingError(f"{self.server.host}: {repository} has no {platform}; there is {there}")

    def _check_platform(self, blob: Blob, config: Mapping[str, Any], platform: Platform, repository: str) -> None:
        found = platform_of(config)
        if not found.os:
            raise MissingError(f"{self.server.host}: {repository} is no container image, but {blob.media_type[:80]}")
        if not platform.fits(found):
            raise MissingError(f"{self.server.host}: {repository} is for {found}, not for {platform}")


def _read_at_most(registry: RegistryClient, answer: requests.Response, most: int, deadline: Deadline) -> bytes:
    body = b""
    try:
        while data := answer.raw.read1(READ):
            body += data
            deadline.check(registry.server.host)
            if len(body) > most:
                raise RegistryError(f"{registry.server.host}: a manifest of more than {most} bytes is refused")
    except BROKEN as e:
        raise PassingError(f"{registry.server.host}: the connection broke") from e
    finally:
        answer.close()
    said = answer.headers.get("Content-Length", "")
    if said.isascii() and said.isdigit() and len(body) != int(said):
        raise PassingError(f"{registry.server.host}: the connection ended early")
    return body
