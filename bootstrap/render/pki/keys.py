"""Private keys: where they come from, and how they become PEM and back."""

from __future__ import annotations

import secrets
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

CURVES: dict[str, type[ec.EllipticCurve]] = {"ECDSA-P256": ec.SECP256R1, "ECDSA-P384": ec.SECP384R1}
RSA_BITS = {"RSA-2048": 2048, "RSA-3072": 3072, "RSA-4096": 4096}


class KeySource(Protocol):
    """The only source of randomness that rendering has."""

    def new(self, algorithm: str) -> PrivateKey:
        """A new key; `algorithm` is one of kubeadm's `encryptionAlgorithm` values."""
        ...

    def serial(self) -> int:
        """A certificate serial number in [1, 2^63 - 1)."""
        ...


class CryptoKeySource:
    """Keys and serials from the operating system's randomness."""

    def new(self, algorithm: str) -> PrivateKey:
        """See `KeySource.new`."""
        if algorithm in CURVES:
            return ec.generate_private_key(CURVES[algorithm]())
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS[algorithm])

    def serial(self) -> int:
        """See `KeySource.serial`."""
        return secrets.randbelow(2**63 - 2) + 1


def private_pem(key: PrivateKey) -> bytes:
    """`key` as kubeadm writes it: `EC PRIVATE KEY` or `RSA PRIVATE KEY`."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def public_pem(key: PublicKey) -> bytes:
    """`key` as a `PUBLIC KEY` block."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_private(pem: bytes) -> PrivateKey:
    """The key in `pem`; ValueError if it holds none that Kubernetes can use."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise ValueError(f"a {type(key).__name__} is neither RSA nor ECDSA")
    return key
