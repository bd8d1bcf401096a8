"""The image's HEALTHCHECK: asked every few seconds, so it imports the standard library only."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path

COMPLETE = "/run/bootstrap-complete"
"""Written when what the container was started for is up, gone at each boot; holds the API server's port, if any."""


def health() -> str:
    """Empty when well, else what is wrong."""
    try:
        port = Path(COMPLETE).read_text()
    except FileNotFoundError:
        return "not up yet, or it failed: docker logs NAME"
    return _readiness(int(port)) if port else ""


def _readiness(port: int) -> str:
    # Not verified: it asks whether the server answers, and sends nothing.
    context = ssl._create_unverified_context()  # noqa: S323
    connection = http.client.HTTPSConnection("localhost", port, timeout=5, context=context)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except OSError as e:
        return f"the API server does not answer: {e}"
    return "" if status == 200 else f"the API server is not ready: HTTP {status}"
