"""What other machines join with: the line that kubeadm would print, and the token in it."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

WITHHELD = "<value withheld>"
"""kubeadm's words for what --skip-token-print and --skip-certificate-key-print leave out."""


def join_command(
    endpoint: str, ca: bytes, token: str, *, control_plane: bool = False, certificate_key: str = ""
) -> str:
    """The line that makes another machine a node of this cluster, or one more control plane; also for kubeadm."""
    words = ["bootstrap join", endpoint, "--token", token, "--discovery-token-ca-cert-hash", public_key_hash(ca)]
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
