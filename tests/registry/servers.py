"""Real registries on loopback (Debian's docker-registry), and the token server that one of them trusts."""

from __future__ import annotations

import base64
import datetime
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

USER, PASSWORD = "puller", "correct horse"
HTPASSWD = "puller:$2b$04$n8.WK4EAh91eq0Ha0U7JTu.QztwFaSC.PLsW/hQ.ZQPNeAuQ//khq\n"
"""bcrypt of PASSWORD."""


class Authority:
    """A certificate authority of the tests' own, and certificates for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _certificate("tests' authority", self.key.public_key(), None, self.key)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self._folder = folder

    def issue(self, name: str) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key.public_key(), self.certificate, self.key)
        pem, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pem, secret


def _certificate(name: str, key: Any, issuer: x509.Certificate | None, signer: Any) -> x509.Certificate:
    import ipaddress

    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        issuer_name=issuer.subject if issuer else subject,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(minutes=5),
        not_valid_after=now + datetime.timedelta(days=1),
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return (builder.add_extension(address, critical=False) if issuer else builder).sign(signer, hashes.SHA256())


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class RegistryServer:
    """One docker-registry process with its own storage. `auth` is distribution's own section of that name."""

    def __init__(
        self,
        folder: Path,
        *,
        address: str = "127.0.0.1",
        tls: tuple[Path, Path] | None = None,
        auth: dict[str, Any] | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self.address, self.port, self.tls = address, free_port(address), tls is not None
        listen: dict[str, Any] = {"addr": f"{address}:{self.port}"}
        if tls:
            listen["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
        config = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": listen,
            **({"auth": auth} if auth else {}),
        }
        (folder / "config.yml").write_text(yaml.safe_dump(config))
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log
            )
        self._wait()

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def requests(self) -> list[str]:
        """`METHOD PATH` of what was asked so far."""
        lines = [line.split('"') for line in self.log.read_text().splitlines() if '"' in line and " HTTP/1" in line]
        return [" ".join(parts[1].split()[:2]) for parts in lines if " HTTP/1" in parts[1]]

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            context = ssl._create_unverified_context()  # noqa: S323 - the test pushes to its own server
            return http.client.HTTPSConnection(self.address, self.port, timeout=30, context=context)
        return http.client.HTTPConnection(self.address, self.port, timeout=30)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                connection = self.connect()
                connection.request("GET", "/v2/")
                connection.getresponse().read()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{self.host} did not start: {self.log.read_text()}")


class TokenServer:
    """Gives pull tokens to USER with PASSWORD (and to nobody else), as the registry's token specification says."""

    ISSUER, SERVICE = "tests", "tests-registry"

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.asked: list[dict[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).items()}
                outer.asked.append(query)
                right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                allowed = self.headers.get("Authorization") == right
                body = json.dumps({"token": outer.token(query["scope"])} if allowed else {"details": "no"}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def auth(self) -> dict[str, Any]:
        """The section of the registry's configuration."""
        return {
            "token": {
                "realm": f"http://127.0.0.1:{self._server.server_port}/token",
                "service": self.SERVICE,
                "issuer": self.ISSUER,
                "rootcertbundle": str(self.authority.file),
            }
        }

    def token(self, scope: str) -> str:
        """A signed token for `repository:NAME:ACTIONS`."""
        kind, name, actions = scope.split(":")
        now = int(time.time())
        claims = {
            "iss": self.ISSUER,
            "aud": self.SERVICE,
            "sub": USER,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": str(now),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        der = self.authority.certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        signed = f"{_base64url(json.dumps(header).encode())}.{_base64url(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(self.authority.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
