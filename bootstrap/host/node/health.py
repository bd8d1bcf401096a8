"""The image's HEALTHCHECK: asked every few seconds, so it imports the standard library only."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMPLETE = "/run/bootstrap-complete"
"""Written when what the container was started for is up, gone at each boot; holds what to ask then, if anything."""
TIMEOUT = 5
DNS_PORT = 53
TRIES = 2
"""Of a question by UDP, which may get lost."""


def questions(urls: tuple[str, ...], dns: str, name: str) -> bytes:
    """Content for `COMPLETE`: URLs that answer 200, and a name that the server `dns` answers for (empty: not asked)."""
    return json.dumps({"urls": urls, "dns": dns, "name": name}).encode()


def health() -> str:
    """Empty when well, else what is wrong."""
    try:
        content = Path(COMPLETE).read_text()
    except FileNotFoundError:
        return "not up yet, or it failed: docker logs NAME"
    return _answers(json.loads(content)) if content else ""


def _answers(asked: Mapping[str, Any]) -> str:
    for url in asked["urls"]:
        if wrong := _url(url):
            return wrong
    return _dns(asked["dns"], asked["name"]) if asked["dns"] else ""


def _url(url: str) -> str:
    """Of this machine's own programs. Not verified: it asks whether they answer, and sends nothing."""
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", parts.path)
        status = connection.getresponse().status
    except OSError as e:
        return f"{url} does not answer: {e}"
    return "" if status == 200 else f"{url}: HTTP {status}"


def _dns(server: str, name: str) -> str:
    """Any answer will do: it asks whether somebody is there."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(TIMEOUT / TRIES)
        for _ in range(TRIES):
            try:
                asking.sendto(question(name), (server, DNS_PORT))
                asking.recv(512)
            except OSError:
                continue
            return ""
    return f"the cluster's DNS at {server} does not answer: kubectl -n kube-system get pods -l k8s-app=kube-dns"


def question(name: str) -> bytes:
    """For the IPv4 address of `name` (RFC 1035 §4.1), recursion desired."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
