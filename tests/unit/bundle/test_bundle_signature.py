"""Keys and signatures."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import Damaged
from bootstrap.render.bundle.signature import check, key_id, new_key, sign

PRIVATE, PUBLIC = new_key()
CONTENT = b"what is signed"


def test_a_trusted_signature_names_its_key() -> None:
    assert check(CONTENT, sign(PRIVATE, CONTENT), (new_key()[1], PUBLIC)) == key_id(PUBLIC)


def test_the_key_id_is_the_hash_of_the_public_key() -> None:
    assert key_id(PUBLIC).startswith("sha256:")
    assert len(key_id(PUBLIC)) == 71
    assert json.loads(sign(PRIVATE, CONTENT))["keyId"] == key_id(PUBLIC)


@pytest.mark.parametrize(
    ("signature", "trusted", "why"),
    [
        (b"", (PUBLIC,), "not signed"),
        (sign(PRIVATE, CONTENT), (), "no trusted key"),
        (sign(PRIVATE, CONTENT), (new_key()[1],), "not trusted"),
        (sign(PRIVATE, CONTENT + b"."), (PUBLIC,), "changed after signing"),
        (b"{", (PUBLIC,), "cannot be read"),
        (b'{"algorithm":"ed25519","keyId":"x","signature":"?"}', (PUBLIC,), "cannot be read"),
    ],
)
def test_anything_else_is_damage(signature: bytes, trusted: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(Damaged, match=why):
        check(CONTENT, signature, trusted)


def test_another_algorithm_is_not_taken() -> None:
    said = json.loads(sign(PRIVATE, CONTENT))

    with pytest.raises(Damaged, match="not trusted"):
        check(CONTENT, json.dumps({**said, "algorithm": "none"}).encode(), (PUBLIC,))


def test_other_keys_are_named_as_such() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    for attempt in (
        lambda: sign(private, b""),
        lambda: sign(b"text", b""),
        lambda: key_id(public),
        lambda: key_id(b""),
    ):
        with pytest.raises(BootstrapError) as refused:
            attempt()
        assert refused.value.code == Exit.USAGE
