"""What a kubeconfig may say of a cluster, and of who asks, so that a machine can join by it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from bootstrap.config.validators import split_endpoint
from bootstrap.render.pki.certs import same_key
from bootstrap.render.pki.keys import load_private

REFUSED = ("insecure-skip-tls-verify", "proxy-url", "tls-server-name")
"""Fields of a cluster that a node of it would not have: they are named, not overlooked."""


def only_cluster(document: Any) -> Mapping[str, Any]:
    """The one cluster of a kubeconfig that says nothing of who asks. ValueError in words."""
    found = document.get("clusters") if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise ValueError("not a kubeconfig: it has no list of clusters")
    clusters = [entry.get("cluster") for entry in found]
    if len(clusters) != 1 or not isinstance(clusters[0], Mapping):
        raise ValueError(f"it has {len(clusters)} clusters, and nothing says which")
    return clusters[0]


def server_and_ca(entry: Mapping[str, Any]) -> tuple[str, bytes]:
    """Where the API is reached, and the certificates (PEM) that it proves itself with. ValueError in words."""
    if found := [name for name in REFUSED if entry.get(name)]:
        raise ValueError(f"it has {' and '.join(found)}")
    return _server(entry.get("server")), _ca(entry.get("certificate-authority-data"))


def credentials(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The fields of a user who is embedded whole, and has nothing else; none for none. ValueError in words."""
    given = {name: value for name, value in user.items() if value}
    certificate = {"client-certificate-data", "client-key-data"} & given.keys()
    if set(given) - {"token"} - certificate or len(certificate) == 1:
        raise ValueError(f"its user has {', '.join(sorted(given))}: nothing is run, and no other file is read")
    if certificate:
        _check_pair(given["client-certificate-data"], given["client-key-data"])
    token = given.get("token", "")
    if not isinstance(token, str) or not all("!" <= letter <= "~" for letter in token):
        raise ValueError("its user's token is no word of ASCII letters, digits and signs")
    return tuple(sorted(given.items()))


def _server(text: Any) -> str:
    shown = ascii(text).strip("'")[:80]
    if not isinstance(text, str) or not text.startswith("https://"):
        raise ValueError(f'its server "{shown}" is not https')
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    server = f"https://{parts.netloc}"
    if text.removesuffix("/") != server or not split_endpoint(parts.netloc.lower()):
        raise ValueError(f'its server "{shown}" is not https://HOST:PORT and nothing else')
    return server


def _ca(data: Any) -> bytes:
    if not isinstance(data, str):
        raise ValueError("its CA is not embedded (certificate-authority-data)")
    try:
        pem = b64decode(data, validate=True)
        authorities = [_is_authority(certificate) for certificate in x509.load_pem_x509_certificates(pem)]
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("its CA is no certificate (base64 of PEM)") from None
    if not all(authorities):
        raise ValueError("its CA is a certificate that may sign no others")
    return pem


def _is_authority(certificate: x509.Certificate) -> bool:
    """The first certificates that were signed by themselves do not say it."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return True


def _check_pair(certificate: Any, key: Any) -> None:
    try:
        fits = same_key(x509.load_pem_x509_certificate(b64decode(certificate)), load_private(b64decode(key)))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("its user's certificate and key cannot be read") from None
    if not fits:
        raise ValueError("its user's certificate is not for its key")
