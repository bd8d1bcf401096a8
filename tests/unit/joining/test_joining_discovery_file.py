"""A discovery file is data: nothing in it is run, no other file is read, and only TLS is spoken."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from bootstrap.joining.discovery_file import cluster_of
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.certs import CertSpec, build, certificate_pem
from bootstrap.render.pki.keys import CryptoKeySource, private_pem
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig, cluster_info_kubeconfig
from tests.unit.joining.test_joining_cluster_info import CA, CFG, TOKEN

KEY, OTHER_KEY = (CryptoKeySource().new("ECDSA-P256") for _ in range(2))
LEAF = certificate_pem(build(CertSpec("n2"), KEY, None, serial=1, now=datetime.now(UTC), lifetime=3600))
INFO = cluster_info_kubeconfig(CFG, CA)
WITH_USER = bootstrap_kubeconfig(cluster_of(INFO, "x", TOKEN))


def with_certificate(certificate: bytes, key: bytes) -> bytes:
    fields = b"client-certificate-data: " + b64encode(certificate) + b"\n    client-key-data: " + b64encode(key)
    return WITH_USER.replace(b"token: " + TOKEN.encode(), fields)


def test_cluster_info_joins_with_a_token() -> None:
    found = cluster_of(INFO, "/x", TOKEN)

    assert (found.endpoint, found.ca, found.token, found.user) == ("192.0.2.10:6443", CA, TOKEN, ())


def test_a_certificate_is_as_good_as_a_token_and_both_go_along() -> None:
    found = dict(cluster_of(with_certificate(LEAF, private_pem(KEY)), "/x", "").user)

    assert found.keys() == {"client-certificate-data", "client-key-data"}
    both = with_certificate(LEAF, private_pem(KEY)).replace(b"    client-key", b"    token: x.y\n    client-key")
    assert dict(cluster_of(both, "/x", "").user) == {**found, "token": "x.y"}


def test_a_user_with_its_own_credentials_needs_none() -> None:
    found = cluster_of(WITH_USER, "/x", "")

    assert (found.token, dict(found.user)) == ("", {"token": TOKEN})
    assert cluster_of(bootstrap_kubeconfig(found), "/x", "") == found


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (INFO, "a token is needed"),
        (b"", "not a kubeconfig"),
        (b"[1]", "not a kubeconfig"),
        (b"clusters: 1", "not a kubeconfig"),
        (b"a: " + b"[" * 5000, "not a kubeconfig"),
        (INFO.replace(b"https:", b"http:"), "not https"),
        (INFO.replace(b"certificate-authority-data: ", b"certificate-authority: /etc/shadow #"), "CA is not embedded"),
        (WITH_USER.replace(b"token:", b"tokenFile:"), "tokenFile"),
        (WITH_USER.replace(b"token: ", b"exec: {command: /bin/sh} #"), "nothing is run"),
        (WITH_USER.replace(b"token: ", b"auth-provider: {name: x} #"), "nothing is run"),
        (WITH_USER.replace(b"token: ", b"exec: {command: /bin/sh}\n    token: "), "has exec, token"),
        (WITH_USER.replace(b"token: ", b"as: admin\n    token: "), "has as, token"),
        (WITH_USER.replace(b"token: ", b"username: a\n    password: b #"), "has password, username"),
        (WITH_USER.replace(b"token: ", b"client-certificate-data: AAAA #"), "nothing is run"),
        (with_certificate(b"x", b"y"), "cannot be read"),
        (with_certificate(LEAF, private_pem(OTHER_KEY)), "is not for its key"),
        (WITH_USER.replace(b"token: ", b'token: "a\\r\\nX: y" #'), "no word of ASCII"),
        (WITH_USER.replace(b"user:\n    token: ", b"user: 7 #"), "no mapping"),
        (WITH_USER.replace(b"server:", b"tls-server-name: x\n    server:"), "tls-server-name"),
        (INFO.replace(b"server:", b"insecure-skip-tls-verify: true\n    server:"), "insecure-skip-tls-verify"),
        (INFO.replace(b64encode(CA), b64encode(LEAF)), "may sign no others"),
        (INFO.replace(b"https://192.0.2.10:6443", b"https://192.0.2.10:6443/api"), "HOST:PORT"),
        (WITH_USER.replace(b"current-context: ", b"current-context: no"), "not a kubeconfig"),
    ],
)
def test_what_cannot_be_joined_by_is_refused(content: bytes, word: str) -> None:
    with pytest.raises(BootstrapError) as found:
        cluster_of(content, "/x", "")
    assert found.value.code == Exit.CONFIG and word in found.value.why
