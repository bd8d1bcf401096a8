"""One registry, spoken to by the OCI distribution specification: manifests and blobs, each proven by its digest."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
import urllib3

from bootstrap.host.registry.limits import DamagedError, Deadline, Limits, MissingError, PassingError, RegistryError
from bootstrap.host.registry.transport import Transport
from bootstrap.model.images.image import Blob, Platform, Resolved
from bootstrap.model.images.mirrors import Server
from bootstrap.model.images.oci import DIGEST, DOCUMENT_LIMIT, INDEXES, MANIFESTS

MOST_RESUMES = 50
RESUME_PAUSE = 1.0
"""Seconds before a connection is opened again that gave nothing."""
_ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
_READ = 1 << 20
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
Moved = Callable[[int], None]
"""Told the number of bytes that have just arrived."""


class RegistryClient:
    """Reads images from one server. Every method raises RegistryError; nothing unproven is returned."""

    def __init__(self, server: Server, limits: Limits, deadline: Deadline) -> None:
        self.server = server
        self._transport = Transport(server, limits, deadline)

    def digest(self, repository: str, wanted: str) -> str:
        """What a tag stands for now, by a HEAD request; of the bytes themselves where the server does not say it."""
        answer = self._transport.open(
            f"/v2/{repository}/manifests/{wanted}", _scope(repository), {"Accept": _ACCEPT}, "HEAD"
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
            manifest = self._chosen(_parsed(self, body), platform, repository)
            _, body = self._manifest(repository, manifest.digest)
            documents[manifest.digest] = body
        document = _parsed(self, body)
        config = _descriptor(self, document.get("config"))
        layers = tuple(_descriptor(self, layer) for layer in document.get("layers") or ())
        documents[config.digest] = self._document(repository, config)
        self._check_platform(_parsed(self, documents[config.digest]), platform, repository)
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
            kind = str(_parsed(self, body).get("mediaType") or kind)
        if kind not in (*INDEXES, *MANIFESTS):
            raise RegistryError(f'{self.server.host}: "{kind[:80]}" is not a manifest that this program reads')
        return Blob(kind, digest, len(body)), body

    def _whole(self, path: str, repository: str) -> requests.Response:
        """An answer with its body, which must be small."""
        answer = self._transport.once(path, _scope(repository), {"Accept": _ACCEPT})
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
        entries = list(index.get("manifests") or ())
        for entry in entries:
            offered = _platform(entry)
            if offered and platform.fits(offered):
                return _descriptor(self, entry)
        there = ", ".join(str(p) for entry in entries if (p := _platform(entry))) or "none"
        raise MissingError(f"{self.server.host}: {repository} has no {platform}; there is {there}")

    def _check_platform(self, config: Mapping[str, Any], platform: Platform, repository: str) -> None:
        found = _of_config(config)
        if not platform.fits(found):
            raise MissingError(f"{self.server.host}: {repository} is for {found}, not for {platform}")


class BlobStream:
    """Bytes of a blob in order. A cut or silent connection is opened again where it ended."""

    def __init__(self, transport: Transport, repository: str, blob: Blob, moved: Moved) -> None:
        self._transport = transport
        self._path = f"/v2/{repository}/blobs/{blob.digest}"
        self._scope = _scope(repository)
        self._blob = blob
        self._moved = moved
        self._answer: requests.Response | None = None
        self._skip = 0
        self._resumes = 0
        self._opened_at = 0
        self.position = 0

    def __enter__(self) -> BlobStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def read(self, size: int = _READ) -> bytes:
        """Up to `size` bytes, none at the end. Raises DamagedError when there are more than the blob has."""
        while self.position < self._blob.size:
            self._transport.deadline.check(self._transport.server.host)
            try:
                data = self._next(size if size > 0 else _READ)
            except (*_BROKEN, EOFError) as e:
                self._broken(e)
                continue
            self.position += len(data)
            if self.position > self._blob.size:
                raise DamagedError(
                    f"{self._transport.server.host}: sent more than the {self._blob.size} bytes promised"
                )
            self._moved(len(data))
            if data:
                return data
        return b""

    def _next(self, size: int) -> bytes:
        """What one read of the socket gives; nothing while the part before the position is skipped."""
        if self._answer is None:
            self._answer = self._open()
        data: bytes = self._answer.raw.read1(min(size, _READ))
        if not data:
            raise EOFError
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        return data[skipped:]

    def _open(self) -> requests.Response:
        headers = {"Range": f"bytes={self.position}-"} if self.position else {}
        answer = self._transport.open(self._path, self._scope, headers)
        self._opened_at = self.position
        start = (
            re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", "")) if answer.status_code == 206 else None
        )
        self._skip = self.position - (int(start[1]) if start else 0)
        if self._skip < 0:
            answer.close()
            raise RegistryError(f"{self._transport.server.host}: answers a Range request with another range")
        return answer

    def _broken(self, error: Exception) -> None:
        """Raises when there were enough of them; the next read opens the connection again, later if nothing came."""
        self.close()
        self._resumes += 1
        if self.position == self._opened_at:
            time.sleep(max(0.0, min(RESUME_PAUSE, self._transport.deadline.left)))
        if self._resumes > MOST_RESUMES:
            raise PassingError(f"{self._transport.server.host}: the connection broke {MOST_RESUMES} times") from error


def _read_at_most(registry: RegistryClient, answer: requests.Response, most: int, deadline: Deadline) -> bytes:
    body = b""
    try:
        while data := answer.raw.read1(_READ):
            body += data
            deadline.check(registry.server.host)
            if len(body) > most:
                raise RegistryError(f"{registry.server.host}: a manifest of more than {most} bytes is refused")
    except _BROKEN as e:
        raise PassingError(f"{registry.server.host}: the connection broke") from e
    finally:
        answer.close()
    said = answer.headers.get("Content-Length", "")
    if said.isdigit() and len(body) != int(said):
        raise PassingError(f"{registry.server.host}: the connection ended early")
    return body


def _scope(repository: str) -> str:
    return f"repository:{repository}:pull"


def _parsed(registry: RegistryClient, body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as e:
        raise RegistryError(f"{registry.server.host}: sent a manifest that is not JSON") from e
    if not isinstance(document, dict):
        raise RegistryError(f"{registry.server.host}: sent a manifest that is not an object")
    return document


def _descriptor(registry: RegistryClient, entry: Any) -> Blob:
    """A digest is checked here, before anything makes a path or a URL of it."""
    size, digest = (entry.get("size"), str(entry.get("digest"))) if isinstance(entry, dict) else (None, "")
    if not isinstance(size, int) or size < 0 or not DIGEST.fullmatch(digest):
        raise RegistryError(f"{registry.server.host}: sent a manifest with a descriptor that is not one")
    return Blob(str(entry.get("mediaType", "")), digest, size)


def _platform(entry: Any) -> Platform | None:
    """The platform of an index's entry; None for what is none, such as attestations."""
    found = entry.get("platform") if isinstance(entry, dict) else None
    if not isinstance(found, dict) or found.get("os") in (None, "unknown"):
        return None
    return _of_config(found)


def _of_config(config: Mapping[str, Any]) -> Platform:
    return Platform(str(config.get("architecture", "")), str(config.get("os", "")), str(config.get("variant") or ""))
