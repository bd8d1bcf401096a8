"""A discovery file is data: nothing in it is run, no other file is read, and only TLS is spoken."""

from __future__ import annotations

import pytest

from bootstrap.joining.discovery_file import cluster_of
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig, cluster_info_kubeconfig
from tests.unit.joining.test_joining_cluster_info import CA, CFG, TOKEN

INFO = cluster_info_kubeconfig(CFG, CA)
WITH_USER = bootstrap_kubeconfig(cluster_of(INFO, "x", TOKEN))


def test_cluster_info_joins_with_a_token() -> None:
    found = cluster_of(INFO, "/x", TOKEN)

    assert (found.endpoint, found.ca, found.token, found.user) == ("192.0.2.10:6443", CA, TOKEN, ())


def test_a_user_with_its_own_credentials_needs_none() -> None:
    found = cluster_of(WITH_USER, "/x", "")

    assert (found.token, dict(found.user)) == ("", {"token": TOKEN})
    assert cluster_of(bootstrap_kubeconfig(found), "/x", "") == found


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (INFO, "a token is needed"),
        (b"", "no kubeconfig"),
        (b"[1]", "no kubeconfig"),
        (b"clusters: 1", "no kubeconfig"),
        (b"a: " + b"[" * 5000, "no kubeconfig"),
        (INFO.replace(b"https:", b"http:"), "not https"),
        (INFO.replace(b"certificate-authority-data: ", b"certificate-authority: /etc/shadow #"), "embedded CA"),
        (WITH_USER.replace(b"token:", b"tokenFile:"), "tokenFile"),
        (WITH_USER.replace(b"token: ", b"exec: {command: /bin/sh} #"), "nothing is run"),
        (WITH_USER.replace(b"token: ", b"auth-provider: {name: x} #"), "nothing is run"),
        (WITH_USER.replace(b"current-context: ", b"current-context: no"), "no kubeconfig"),
    ],
)
def test_what_cannot_be_joined_by_is_refused(content: bytes, word: str) -> None:
    with pytest.raises(BootstrapError) as found:
        cluster_of(content, "/x", "")
    assert found.value.code == Exit.CONFIG and word in found.value.why
