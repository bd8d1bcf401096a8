"""One blob from a registry, read to its end whatever the connection does."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
import urllib3

from bootstrap.host.registry.limits import DamagedError, PassingError, RegistryError
from bootstrap.host.registry.transport import Transport
from bootstrap.host.registry.words import said
from bootstrap.model.images.image import Blob

MOST_RESUMES = 50
RESUME_PAUSE = 1.0
"""Seconds before a connection is opened again that gave nothing."""
READ = 1 << 20
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
Moved = Callable[[int], None]
"""Told the number of bytes that have just arrived."""


def scope_of(repository: str) -> str:
    """What a token has to allow."""
    return f"repository:{repository}:pull"


class BlobStream:
    """Bytes of a blob in order. A cut or silent connection is opened again where it ended."""

    def __init__(self, transport: Transport, repository: str, blob: Blob, moved: Moved) -> None:
        self._transport = transport
        self._path = f"/v2/{repository}/blobs/{blob.digest}"
        self._scope = scope_of(repository)
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

    def read(self, size: int = READ) -> bytes:
        """Up to `size` bytes, none at the end. Raises DamagedError when there are more than the blob has."""
        while self.position < self._blob.size:
            self._transport.deadline.check(self._transport.server.host)
            try:
                data = self._next(size if size > 0 else READ)
            except (*BROKEN, EOFError) as e:
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
        data: bytes = self._answer.raw.read1(min(size, READ))
        if not data:
            raise EOFError
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        return data[skipped:]

    def _open(self) -> requests.Response:
        headers = {"Range": f"bytes={self.position}-"} if self.position else {}
        answer = self._transport.open(self._path, self._scope, headers)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise RegistryError(f"{self._transport.server.host}: answers a layer with {said(answer) or 'a web page'}")
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
            self._transport.deadline.pause(RESUME_PAUSE)
        if self._resumes > MOST_RESUMES:
            raise PassingError(f"{self._transport.server.host}: the connection broke {MOST_RESUMES} times") from error
