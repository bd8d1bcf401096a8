"""What other machines join with."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bootstrap.joining.tokens import usable_token
from bootstrap.model.cluster import ApiEndpoint, BootstrapToken, ClusterConfig, ExternalEtcd, NodeSpec
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.joining import join_command
from bootstrap.render.cluster.objects import token_secret
from bootstrap.render.cluster.uploads import shared_files, taken, upload
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.keys import CryptoKeySource
from tests.configs import changed

CFG = ClusterConfig(node=NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))
NOW = datetime(2026, 5, 1, tzinfo=UTC)
KEY = "0f" * 32
OWNER = BootstrapToken("ttl000.0123456789abcdef", ttl=7200, usages=(), groups=())
GOOD = "abcdef.0123456789abcdef"


def pki() -> dict[str, bytes]:
    files: tuple[File, ...] = issue_pki(CFG, {}, CryptoKeySource(), NOW)
    return {file.path: file.content for file in files}


def test_the_command_has_the_endpoint_the_token_and_the_hash_of_the_ca() -> None:
    words = join_command(CFG.endpoint, pki()["/etc/kubernetes/pki/ca.crt"], GOOD).split()

    assert words[:5] == ["bootstrap", "join", "192.0.2.10:6443", "--token", GOOD]
    assert words[5] == "--discovery-token-ca-cert-hash"
    assert words[6].startswith("sha256:") and len(words[6]) == len("sha256:") + hashlib.sha256().digest_size * 2
    assert len(words) == 7


def test_a_control_plane_joins_with_the_key_of_the_uploaded_certificates() -> None:
    cfg = changed(CFG, control_plane_endpoint="api.test:6443")
    words = join_command(
        cfg.endpoint, pki()["/etc/kubernetes/pki/ca.crt"], GOOD, control_plane=True, certificate_key=KEY
    ).split()

    assert words[2] == "api.test:6443"
    assert words[-3:] == ["--control-plane", "--certificate-key", KEY]


def secret(token: str, **fields: Any) -> dict[str, Any]:
    return token_secret(BootstrapToken(token, **fields), NOW)


LONGER = secret("bbbbbb.bbbbbbbbbbbbbbbb", ttl=3600)


def damaged(**data: Any) -> dict[str, Any]:
    found = secret(GOOD)
    return {**found, "data": {k: v for k, v in {**found["data"], **data}.items() if v is not None}}


@pytest.mark.parametrize(
    "other",
    [
        damaged(**{"token-id": None}),
        damaged(**{"token-secret": None}),
        damaged(**{"token-secret": "!"}),
        damaged(**{"token-secret": "/w=="}),
        damaged(expiration="c29vbg=="),
        damaged(expiration="MjA5OS0wMS0wMVQwMDowMDowMA=="),
        damaged(expiration=7),
        {**secret(GOOD), "data": None},
        {"kind": "Secret"},
    ],
    ids=["no id", "no secret", "no base64", "no text", "soon", "no time zone", "a number", "null", "nothing"],
)
def test_a_damaged_secret_is_no_token_and_spoils_no_other(other: dict[str, Any]) -> None:
    assert usable_token([other], NOW) == ""
    assert usable_token([other, LONGER], NOW) == "bbbbbb.bbbbbbbbbbbbbbbb"


@pytest.mark.parametrize(
    ("secrets", "token"),
    [
        ([], ""),
        ([secret(GOOD, ttl=60), LONGER], "bbbbbb.bbbbbbbbbbbbbbbb"),
        ([LONGER, secret(GOOD, ttl=0)], GOOD),
        ([secret(GOOD, ttl=-60)], ""),
        ([secret(GOOD, usages=("authentication",))], ""),
        ([secret(GOOD, usages=("signing",))], ""),
        ([secret(GOOD, groups=())], ""),
        ([secret(GOOD, groups=("system:bootstrappers:mine",))], ""),
    ],
)
def test_a_token_is_shown_that_nodes_can_join_with_for_longest(secrets: list[dict[str, Any]], token: str) -> None:
    assert usable_token(secrets, NOW) == token


def test_uploaded_certificates_are_what_kubeadm_decrypts() -> None:
    files = pki()
    *_, applied = upload(CFG, files, KEY, OWNER, NOW, lambda n: b"n" * n)
    data = {name: b64decode(value) for name, value in applied.body["data"].items()}

    assert {name: AESGCM(bytes.fromhex(KEY)).decrypt(value[:12], value[12:], None) for name, value in data.items()} == {
        name: files[path] for name, path in shared_files(CFG).items()
    }
    assert set(data) == {
        *("ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key"),
        *("sa.pub", "sa.key", "etcd-ca.crt", "etcd-ca.key"),
    }


def test_uploaded_certificates_go_with_a_token_that_nobody_can_use() -> None:
    *_, applied = upload(CFG, pki(), KEY, OWNER, NOW, lambda n: b"n" * n)

    assert applied.owner is not None
    assert {key: b64decode(value) for key, value in applied.owner["data"].items()} == {
        "token-id": b"ttl000",
        "token-secret": b"0123456789abcdef",
        "expiration": f"{NOW + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}".encode(),
    }


def test_certificates_of_an_external_etcd_are_uploaded_and_what_it_does_without_is_empty() -> None:
    cfg = changed(CFG, etcd=ExternalEtcd(("https://192.0.2.9:2379",), "/e/ca.pem"))
    *_, applied = upload(cfg, {**pki(), "/e/ca.pem": b"authority"}, KEY, OWNER, NOW, lambda n: b"n" * n)
    nonce = b"n" * 12
    encrypted = nonce + AESGCM(bytes.fromhex(KEY)).encrypt(nonce, b"authority", None)

    assert applied.body["data"]["external-etcd-ca.crt"] == b64encode(encrypted).decode()
    assert (applied.body["data"]["external-etcd.crt"], applied.body["data"]["external-etcd.key"]) == ("", "")
    assert "etcd-ca.key" not in applied.body["data"]


def test_without_the_ca_s_key_nothing_is_uploaded() -> None:
    files = pki()
    del files["/etc/kubernetes/pki/ca.key"]

    with pytest.raises(BootstrapError) as caught:
        upload(CFG, files, KEY, OWNER, NOW, lambda n: b"n" * n)

    assert caught.value.code == Exit.CONFIG
    assert "/etc/kubernetes/pki/ca.key" in caught.value.what


def test_uploaded_certificates_come_back_with_their_key_only() -> None:
    pki = {path: path.encode() for path in shared_files(CFG).values()}
    secret = upload(CFG, pki, "0f" * 32, BootstrapToken("abcdef.0123456789abcdef"), NOW, bytes)[-1].body

    assert taken({**secret["data"], "external-etcd.key": ""}, "0f" * 32) == {
        name: path.encode() for name, path in shared_files(CFG).items()
    }
    for data, key in ((secret["data"], "00" * 32), ({"ca.crt": "AAAA"}, "0f" * 32), ({"ca.crt": "?"}, "0f" * 32)):
        with pytest.raises(BootstrapError, match="does not open kubeadm-certs"):
            taken(data, key)
