"""A thin Kubernetes API client over requests: get, create, server-side apply."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.host.port import ApiResponse
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

REQUEST_TIMEOUT = 10.0
"""Seconds for one request (kubeadm's client timeout)."""
LONGEST_PAUSE = 2.0
"""Seconds: whoever is told to wait for longer asks again sooner, for a run that ends must not hang on it."""
_REASONS = (
    "Connection refused",
    "timed out",
    "Connection reset",
    "Remote end closed connection",
    "Name or service not known",
    "Temporary failure in name resolution",
    "No route to host",
    "Network is unreachable",
    "wrong version number",
    "Connection broken",
)
_UNTRUSTED = re.compile("certificate verify failed(: [^(]*)?")
OBJECTS = ("/api/", "/apis/")
"""Below these every answer is an object."""

PLURALS = {"Endpoints": "endpoints", "NetworkPolicy": "networkpolicies"}
"""Beside the rule, which is enough for the kinds that are ours."""


def object_path(body: Mapping[str, Any], *, collection: bool = False) -> str:
    """REST path of an object: `/api/v1/namespaces/kube-system/configmaps/x`."""
    version = body["apiVersion"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = body["metadata"].get("namespace")
    kind = body["kind"].lower()
    plural = PLURALS.get(body["kind"], kind + ("es" if kind.endswith("s") else "s"))
    path = f"{prefix}/namespaces/{namespace}/{plural}" if namespace else f"{prefix}/{plural}"
    return path if collection else f"{path}/{body['metadata']['name']}"


class KubeApi:
    """Talks to `server`, or the kubeconfig's own, as its user: with a certificate, with a token, or as nobody.

    What fails below HTTP (TLS, an answer that is cut short), or is no answer of an API server, is a ConnectionError.
    Not thread-safe: one per thread (see `RunContext`).
    """

    def __init__(self, kubeconfig: bytes, server: str = "") -> None:
        user, cluster = _current(kubeconfig)
        self.server = (server or cluster["server"]).rstrip("/")
        import requests  # not before the kubelet has been started: it takes longer than all the rest

        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = _kept(cluster["certificate-authority-data"])
        if "client-certificate-data" in user:
            self._session.cert = (_kept(user["client-certificate-data"]), _kept(user["client-key-data"]))
        elif "token" in user:
            self._session.headers["Authorization"] = f"Bearer {user['token']}"

    def get(self, path: str) -> ApiResponse:
        return self._request("GET", path)

    def create(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        return self._request("POST", path or object_path(body, collection=True), body=body)

    def delete(self, path: str) -> ApiResponse:
        return self._request("DELETE", path)

    def merge(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        query = f"{path or object_path(body)}?fieldManager={names.FIELD_MANAGER}"
        return self._request("PATCH", query, body=body, content="application/merge-patch+json")

    def apply(self, body: Mapping[str, Any], path: str = "", *, force: bool = True) -> ApiResponse:
        """Server-side apply; with `force` conflicts are taken back."""
        query = f"{path or object_path(body)}?fieldManager={names.FIELD_MANAGER}&force={str(force).lower()}"
        return self._request("PATCH", query, body=body, content="application/apply-patch+yaml")

    def wait_for_change(self, path: str, version: str, seconds: int) -> None:
        """Until something of a list (`path` has a selector) is not as it was in `version`, or so long."""
        import requests

        query = f"{self.server}{path}&watch=1&resourceVersion={version}&timeoutSeconds={seconds}"
        limits = (REQUEST_TIMEOUT, seconds + REQUEST_TIMEOUT)
        try:
            with self._session.get(query, stream=True, timeout=limits, allow_redirects=False) as answer:
                if answer.status_code != HTTPStatus.OK:
                    raise ConnectionError(f"HTTP {answer.status_code}")
                next(answer.iter_lines(), b"")
        except (requests.RequestException, OSError) as e:
            raise ConnectionError(reason(e)) from e

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content: str = "application/json"
    ) -> ApiResponse:
        import requests

        try:
            answer = self._session.request(
                method,
                self.server + path,
                json=body,
                headers={"Content-Type": content},
                timeout=REQUEST_TIMEOUT,
                allow_redirects=False,
            )
            found = parsed(answer.text)
        except (requests.RequestException, OSError) as e:
            raise ConnectionError(reason(e)) from e
        if answer.status_code < HTTPStatus.BAD_REQUEST and path.startswith(OBJECTS) and not found:
            raise ConnectionError(f"HTTP {answer.status_code} and no object: {answer.text[:80]!r} is no API server's")
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            time.sleep(pause(answer.headers.get("Retry-After", "")))
        return ApiResponse(answer.status_code, found, answer.text, _date(answer.headers.get("Date", "")))


def parsed(text: str) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def pause(retry_after: str) -> float:
    """Seconds that a server that has too much to do is left alone."""
    return min(float(retry_after), LONGEST_PAUSE) if retry_after.isdecimal() else 0.0


def _date(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp() if text else 0
    except ValueError:
        return 0


def _current(kubeconfig: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """User and cluster of the current context."""
    try:
        current = read_kubeconfig(kubeconfig)
    except ValueError as e:
        raise BootstrapError("there is no way to talk to the cluster", code=Exit.EFFECT, why=str(e)) from None
    if "certificate-authority-data" not in current.cluster:
        why = "the kubeconfig holds no CA that its server could be known by"
        raise BootstrapError("there is no way to talk to the cluster", code=Exit.EFFECT, why=why)
    return current.user, current.cluster


def _kept(data: str) -> str:
    """A path of what a kubeconfig holds in base64."""
    return f"/proc/self/fd/{memory_file(base64.b64decode(data))}"


def memory_file(content: bytes) -> int:
    """A file descriptor of an anonymous file: the key never lies on a disk."""
    fd = os.memfd_create("credential")
    os.write(fd, content)
    return fd


def probe(url: str) -> tuple[int, str]:
    """Status and first line of an unauthenticated GET on a loopback health endpoint (0 and the reason if refused).

    TLS is not verified, as kubeadm does for the controller manager's and scheduler's self-signed certificates.
    """
    import requests
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        answer = requests.get(url, timeout=2, verify=False, proxies={"http": "", "https": ""}, allow_redirects=False)
    except (requests.RequestException, OSError) as e:
        return 0, reason(e)
    return answer.status_code, answer.text.strip().splitlines()[0] if answer.text.strip() else ""


def reason(error: Exception) -> str:
    """Why nothing was answered, in a few words."""
    text = str(getattr(next(iter(error.args), None), "reason", error))
    if found := _UNTRUSTED.search(text):
        return found[0].rstrip(" .")
    return next((short.lower() for short in _REASONS if short in text), text[:120])
