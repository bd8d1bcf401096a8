"""The bytes of an add-on's manifest from a web server: over TLS only, not too many, proven by their digest."""

from __future__ import annotations

import hashlib
import time
from functools import cache

import requests

from bootstrap.host.registry.session import TlsSession
from bootstrap.model.addon import not_taken, proven
from bootstrap.model.errors import BootstrapError, Exit

MOST_BYTES = 16 * 1024 * 1024
PATIENCE = 120.0
"""Seconds for the whole file."""
SILENCE = 20.0
"""Seconds without a byte."""
_PIECE = 1 << 16


@cache
def fetch(url: str, sha256: str) -> bytes:
    """Asked once in a run: what is proven is the same the second time.

    Raises BootstrapError: exit 9 when the file is not had, is too large, or is not the one that was meant.

    Proxies and authorities are taken from the environment.
    """
    try:
        content = _read(url)
    except (requests.RequestException, OSError) as e:
        raise not_taken(url, f"{type(e).__name__}: {str(e)[:300]}", "bring it here and give its path") from e
    if not sha256:
        found = hashlib.sha256(content).hexdigest()
        raise BootstrapError(
            f"{url} is not proven",
            code=Exit.IMAGE,
            why=f"nobody said which bytes are meant; those that came have sha256 {found}",
            fix=f"look at the file, then give {url}#sha256={found}",
        )
    return proven(url, content, sha256)


def _read(url: str) -> bytes:
    end = time.monotonic() + PATIENCE
    content = bytearray()
    with TlsSession(_leaves_tls) as session, session.get(url, stream=True, timeout=SILENCE) as answer:
        if answer.status_code != 200:
            raise not_taken(url, f"the server said {answer.status_code} {answer.reason}", "correct the address")
        for piece in answer.iter_content(_PIECE):
            content += piece
            if len(content) > MOST_BYTES:
                raise not_taken(url, f"it has more than {MOST_BYTES >> 20} MB", "give a manifest, not an archive")
            if time.monotonic() > end:
                raise not_taken(url, f"it did not come within {PATIENCE:.0f} s", "bring it here and give its path")
    return bytes(content)


def _leaves_tls(url: str) -> BootstrapError:
    return not_taken(url, "it leads to a server without TLS", "give the address that it leads to, over https")
