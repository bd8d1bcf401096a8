"""An HTTPS server on loopback with the certificates of a cluster of ours; each answer is the test's."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bootstrap.model import names
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import CryptoKeySource

Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands each request to the next answer of its server; the last one is used for all that follow."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        certificate: Any = self.connection.getpeercert() or {}  # type: ignore[attr-defined]
        self.server.seen.append(Seen(self.command, self.path, dict(self.headers), self.rfile.read(length), certificate))
        answers = self.server.answers
        if self.server.livez and self.path == "/livez":
            return self.server.livez(self)
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    certificate: dict[str, Any]

    @property
    def user(self) -> str:
        """The common name of the client's certificate."""
        subject = dict(part[0] for part in self.certificate.get("subject", ()))
        return str(subject.get("commonName", ""))


@dataclass
class Cluster:
    """Certificates and kubeconfigs for an API server at 127.0.0.1."""

    cfg: ClusterConfig
    pki: dict[str, bytes] = field(default_factory=dict)
    kubeconfigs: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def made(cls) -> Cluster:
        cfg = ClusterConfig(NodeSpec("n1", api=ApiEndpoint("127.0.0.1")))
        keys, now = CryptoKeySource(), datetime.now(UTC)
        pki = {file.path: file.content for file in issue_pki(cfg, {}, keys, now)}
        files = issue_kubeconfigs(Ground(cfg, pki, keys, now), {})
        return cls(cfg, pki, {file.path: file.content for file in files})

    def file(self, name: str) -> bytes:
        return self.pki[f"{names.PKI_DIR}/{name}"]


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.seen: list[Seen] = []
        self.livez: Answer | None = None
        """Beside the other answers, where a test says it."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up, and certificates that are refused, are what is tried here."""


@contextmanager
def serving(cluster: Cluster, folder: Path, *answers: Answer, tls: bool = True) -> Iterator[Server]:
    """A server with the API server's certificate, which asks for client certificates as that does."""
    server = Server(answers)
    if tls:
        for name in ("ca.crt", "apiserver.crt", "apiserver.key"):
            (folder / name).write_bytes(cluster.file(name))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
        context.load_verify_locations(folder / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def says(status: int, body: Any, **headers: str) -> Answer:
    """An answer; a body that is no text is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def cut(content: bytes, *, chunked: bool) -> Answer:
    """The server dies within its answer."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
            content_sent = f"{len(content) + 50:x}\r\n".encode() + content
        else:
            handler.send_header("Content-Length", str(len(content) + 50))
            content_sent = content
        handler.end_headers()
        handler.wfile.write(content_sent)
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    return answer


def hangs_up(handler: Handler) -> None:
    """Not one byte of an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
