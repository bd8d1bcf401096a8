"""What a joining machine reads before it has any credential: cluster-info as nobody, and a discovery file by https."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
import urllib3

from bootstrap.host.kube_client import memory_file
from bootstrap.host.port import ApiResponse
from bootstrap.model.errors import BootstrapError, Exit

TIMEOUT = 10.0
"""Seconds for one request (kubeadm's client timeout)."""
MOST_BYTES = 256 * 1024
"""More than any cluster-info or kubeconfig has."""


def ask_as_nobody(endpoint: str, path: str, ca: bytes | None = None) -> ApiResponse:
    """A GET that sends nothing secret; without `ca` nothing proves who answers. Raises ConnectionError.

    No proxy and no credential of the environment is used, and no redirect followed.
    """
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    verify: str | bool = f"/proc/self/fd/{memory_file(ca)}" if ca else False
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.get(
                f"https://{endpoint}{path}", timeout=TIMEOUT, verify=verify, stream=True, allow_redirects=False
            ) as answer:
                content = _bounded(answer, endpoint)
        except requests.RequestException as e:
            raise ConnectionError(_reason(e)) from e
    return ApiResponse(answer.status_code, _object(content), content.decode(errors="replace"))


def fetch_file(url: str) -> bytes:
    """A discovery file from a web server, proven by the machine's own authorities.

    Raises BootstrapError (exit 3): not https all the way, not there, too large.
    """
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as answer:
            if answer.status_code != 200:
                raise _not_taken(url, f"the server said {answer.status_code} {answer.reason}")
            return _bounded(answer, url)
    except requests.RequestException as e:
        raise _not_taken(url, _reason(e)) from e


def _bounded(answer: requests.Response, where: str) -> bytes:
    content = bytearray()
    for piece in answer.iter_content(1 << 14):
        content += piece
        if len(content) > MOST_BYTES:
            raise _not_taken(where, f"it sent more than {MOST_BYTES >> 10} KiB")
    return bytes(content)


def _not_taken(where: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"nothing to join by was had from {where}",
        code=Exit.CONFIG,
        why=why,
        fix="correct the address, or bring the file here and give its path: --discovery-file /PATH",
    )


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reason(error: requests.RequestException) -> str:
    text = str(error)
    for short in ("Connection refused", "timed out", "Connection reset", "Name or service not known"):
        if short.lower() in text.lower():
            return short.lower()
    if isinstance(error, requests.exceptions.SSLError):
        return f"TLS: {text.rpartition('(')[2].rstrip(')')[:120] or text[:120]}"
    return text[:160]
