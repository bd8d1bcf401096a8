"""A manifest from a web server: proven by its digest, over TLS only, and not without end."""

from __future__ import annotations

import hashlib
import http.server
import ssl
import threading
from collections.abc import Iterator

import pytest

from bootstrap.host.registry import download
from bootstrap.host.registry.download import MOST_BYTES, fetch
from bootstrap.model.errors import BootstrapError, Exit
from tests.registry.servers import Authority

BODY = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n"
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Good files, moved files, and files that must be refused."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self._begin(302, {"Location": self.path.removeprefix("/to/")})
        elif self.path == "/endless":
            self._begin(200, {})
            piece = b"#" * (1 << 20)
            for _ in range(MOST_BYTES // len(piece) + 1):
                self.wfile.write(piece)
        elif self.path == "/cut":
            self._begin(200, {"Content-Length": "1000"})
            self.wfile.write(BODY)
        elif self.path == "/x.yaml":
            self._begin(200, {"Content-Length": str(len(BODY))})
            self.wfile.write(BODY)
        else:
            self._begin(404, {"Content-Length": "0"})

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Not into the tests' output."""


def _serve(authority: Authority | None) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if authority:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("manifests"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def site(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server whose authority is believed."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    server = _serve(authority)
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def plain() -> Iterator[str]:
    """The same without TLS."""
    server = _serve(None)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def refusal(url: str, digest: str = DIGEST) -> str:
    with pytest.raises(BootstrapError) as refused:
        fetch(url, digest)
    assert refused.value.code == Exit.IMAGE
    return f"{refused.value.what}: {refused.value.why} → {refused.value.fix}"


def test_a_file_with_the_digest_that_was_meant(site: str) -> None:
    assert fetch(f"{site}/x.yaml", DIGEST) == BODY
    assert fetch(f"{site}/to//x.yaml", DIGEST) == BODY


def test_without_a_digest_the_error_says_what_came(site: str) -> None:
    assert f"{site}/x.yaml#sha256={DIGEST}" in refusal(f"{site}/x.yaml", "")


def test_another_file_is_refused(site: str) -> None:
    assert f"it has sha256 {DIGEST}" in refusal(f"{site}/x.yaml", "0" * 64)


def test_what_is_not_there_cut_or_endless_is_refused(site: str) -> None:
    assert "404" in refusal(f"{site}/absent.yaml")
    assert "cannot be taken" in refusal(f"{site}/cut")
    assert "more than 16 MB" in refusal(f"{site}/endless")


def test_a_redirect_does_not_leave_tls(site: str, plain: str) -> None:
    assert "without TLS" in refusal(f"{site}/to/{plain}/x.yaml")


def test_a_server_that_cannot_be_believed_is_refused(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    assert "SSLError" in refusal(f"{site}/x.yaml")


def test_patience_ends(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", -1.0)

    assert "did not come within" in refusal(f"{site}/x.yaml")
