"""A thin Kubernetes API client over requests: get, create, server-side apply."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.host.port import ApiResponse
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

REQUEST_TIMEOUT = 10.0
"""Seconds for one request (kubeadm's client timeout)."""

PLURALS = {"Endpoints": "endpoints", "NetworkPolicy": "networkpolicies", "PriorityClass": "priorityclasses"}


def object_path(body: Mapping[str, Any], *, collection: bool = False) -> str:
    """REST path of an object: `/api/v1/namespaces/kube-system/configmaps/x`."""
    version = body["apiVersion"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = body["metadata"].get("namespace")
    plural = PLURALS.get(body["kind"], body["kind"].lower() + "s")
    path = f"{prefix}/namespaces/{namespace}/{plural}" if namespace else f"{prefix}/{plural}"
    return path if collection else f"{path}/{body['metadata']['name']}"


class KubeApi:
    """Talks to `server`, or the kubeconfig's own, with the credentials of a kubeconfig.

    Not thread-safe: one per thread (see `RunContext`).
    """

    def __init__(self, kubeconfig: bytes, server: str = "") -> None:
        user, cluster = _current(kubeconfig)
        self.server = (server or cluster["server"]).rstrip("/")
        self._files = [
            memory_file(base64.b64decode(data))
            for data in (
                user["client-certificate-data"],
                user["client-key-data"],
                cluster["certificate-authority-data"],
            )
        ]
        certificate, key, authority = (f"/proc/self/fd/{fd}" for fd in self._files)
        import requests  # not before the kubelet has been started: it takes longer than all the rest

        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cert = (certificate, key)
        self._session.verify = authority

    def get(self, path: str) -> ApiResponse:
        return self._request("GET", path)

    def create(self, body: Mapping[str, Any]) -> ApiResponse:
        return self._request("POST", object_path(body, collection=True), body=body)

    def delete(self, path: str) -> ApiResponse:
        return self._request("DELETE", path)

    def merge(self, body: Mapping[str, Any]) -> ApiResponse:
        query = f"{object_path(body)}?fieldManager={names.FIELD_MANAGER}"
        return self._request("PATCH", query, body=body, content="application/merge-patch+json")

    def apply(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        """Server-side apply; conflicts are forced: what the plan names is ours."""
        query = f"{path or object_path(body)}?fieldManager={names.FIELD_MANAGER}&force=true"
        return self._request("PATCH", query, body=body, content="application/apply-patch+yaml")

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content: str = "application/json"
    ) -> ApiResponse:
        import requests

        try:
            answer = self._session.request(
                method, self.server + path, json=body, headers={"Content-Type": content}, timeout=REQUEST_TIMEOUT
            )
        except (requests.ConnectionError, requests.Timeout) as e:
            raise ConnectionError(str(e)) from e
        try:
            parsed = answer.json()
        except requests.JSONDecodeError:
            parsed = {}
        return ApiResponse(answer.status_code, parsed if isinstance(parsed, dict) else {}, answer.text)


def _current(kubeconfig: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """User and cluster of the current context."""
    try:
        current = read_kubeconfig(kubeconfig)
    except ValueError as e:
        raise BootstrapError("there is no way to talk to the cluster", code=Exit.EFFECT, why=str(e)) from None
    return current.user, current.cluster


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
        answer = requests.get(url, timeout=2, verify=False, proxies={"http": "", "https": ""})
    except (requests.ConnectionError, requests.Timeout) as e:
        return 0, _reason(e)
    return answer.status_code, answer.text.strip().splitlines()[0] if answer.text.strip() else ""


def _reason(e: Exception) -> str:
    text = str(e)
    for short in ("Connection refused", "timed out", "Connection reset"):
        if short in text:
            return short.lower()
    return text[:120]
