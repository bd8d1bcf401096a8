"""What other machines join with: the line that kubeadm would print, and the token in it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from bootstrap.model import names
from bootstrap.model.cluster import Document

WITHHELD = "<value withheld>"
"""kubeadm's words for what --skip-token-print and --skip-certificate-key-print leave out."""


def join_command(
    endpoint: str, ca: bytes, token: str, *, control_plane: bool = False, certificate_key: str = ""
) -> str:
    """The line that makes another machine a node of this cluster, or one more control plane."""
    words = ["kubeadm join", endpoint, "--token", token, "--discovery-token-ca-cert-hash", public_key_hash(ca)]
    if control_plane:
        words.append("--control-plane")
    if certificate_key:
        words += ["--certificate-key", certificate_key]
    return " ".join(words)


def public_key_hash(ca: bytes) -> str:
    """`sha256:HEX` of the first certificate's public key (RFC 7469's SubjectPublicKeyInfo)."""
    return public_key_hashes(ca)[0]


def public_key_hashes(ca: bytes) -> tuple[str, ...]:
    """The same of every certificate of a PEM. Raises ValueError when there is none."""
    return tuple(_hash(certificate.public_key()) for certificate in x509.load_pem_x509_certificates(ca))


def _hash(key: CertificatePublicKeyTypes) -> str:
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def usable_token(secrets: Iterable[Document], now: datetime) -> str:
    """`id.secret` of the bootstrap token that nodes can join with for longest; empty when there is none."""
    found = {
        expiry: f"{data['token-id']}.{data['token-secret']}"
        for data in map(_decoded, secrets)
        if (expiry := _expiry(data)) > now and _joins(data)
    }
    return found[max(found)] if found else ""


def _joins(data: Mapping[str, str]) -> bool:
    usages = (data.get(f"usage-bootstrap-{usage}") == "true" for usage in ("authentication", "signing"))
    return all(usages) and names.BOOTSTRAP_GROUP in data.get("auth-extra-groups", "").split(",")


def _decoded(secret: Document) -> dict[str, str]:
    return {key: b64decode(value).decode() for key, value in secret.get("data", {}).items()}


def _expiry(data: Mapping[str, str]) -> datetime:
    """The end of time, if the token has none."""
    text = data.get("expiration")
    return datetime.fromisoformat(text) if text else datetime.max.replace(tzinfo=UTC)
