"""Ed25519 signatures of bundles: keys as PEM files, known by the hash of their public half."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import Damaged, Untrusted

ALGORITHM = "ed25519"


def new_key() -> tuple[bytes, bytes]:
    """A private key (PKCS #8) and its public key (SubjectPublicKeyInfo), both PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, _pem(key.public_key())


def key_id(public: bytes) -> str:
    """`sha256:` of the public key's DER, as kubeadm's CA pins are. Raises BootstrapError (exit 2)."""
    return _id(_public(public))


def sign(private: bytes, content: bytes) -> bytes:
    """bundle.sig. Raises BootstrapError (exit 2) when the key is none."""
    try:
        key = serialization.load_pem_private_key(private, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:
        raise _no_key("private", "the key may be encrypted, or no PEM") from e
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("private", "it is of another algorithm")
    signature = base64.b64encode(key.sign(content)).decode()
    said = {"algorithm": ALGORITHM, "keyId": _id(key.public_key()), "signature": signature}
    return json.dumps(said, sort_keys=True).encode() + b"\n"


def check(content: bytes, signature: bytes, trusted: Sequence[bytes]) -> str:
    """The id of the trusted key that signed. Raises Damaged when none of them did."""
    if not signature:
        raise Untrusted("it is not signed")
    if not trusted:
        raise Untrusted("no trusted key was given to check its signature with")
    signer, algorithm, raw = _read(signature)
    keys: Mapping[str, Ed25519PublicKey] = {_id(key): key for key in map(_public, trusted)}
    if algorithm != ALGORITHM or signer not in keys:
        raise Untrusted(f"it is signed by {ascii(signer)[1:80]}, which is not trusted")
    try:
        keys[signer].verify(raw, content)
    except InvalidSignature as e:
        raise Damaged("its signature does not fit: the manifest was changed after signing") from e
    return signer


def claimed_signer(signature: bytes) -> str:
    """The id of the key that a signature names, unproven; empty without one. Raises Damaged."""
    return _read(signature)[0] if signature else ""


def _read(signature: bytes) -> tuple[str, str, bytes]:
    """Key id, algorithm, signature."""
    try:
        said = json.loads(signature)
        return str(said["keyId"]), str(said["algorithm"]), base64.b64decode(said["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise Damaged("its signature cannot be read") from e


def _public(content: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as e:
        raise _no_key("public", "it is no PEM of one") from e
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("public", "it is of another algorithm")
    return key


def _id(key: Ed25519PublicKey) -> str:
    return f"sha256:{hashlib.sha256(_der(key)).hexdigest()}"


def _der(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _no_key(kind: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"this is not an Ed25519 {kind} key", code=Exit.USAGE, why=why, fix="make one: bootstrap bundle keygen FILE"
    )
