"""Nothing of cluster-info counts before its signature and its CA are proven."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bootstrap.joining.cluster_info import is_signed, signature, trusted
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.joining import public_key_hash
from bootstrap.render.pki.issue import ca_pem, issue_pki
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.kubeconfig import cluster_info_kubeconfig

TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - kubeadm's placeholder
CFG = ClusterConfig(NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))


def made_ca() -> bytes:
    files = issue_pki(CFG, {}, CryptoKeySource(), datetime.now(UTC))
    return ca_pem(CFG, {file.path: file.content for file in files})


CA = made_ca()
KUBECONFIG = cluster_info_kubeconfig(CFG, CA).decode()


def data(token: str = TOKEN, kubeconfig: str = KUBECONFIG) -> dict[str, str]:
    return {"kubeconfig": kubeconfig, f"jws-kubeconfig-{token[:6]}": signature(kubeconfig, token)}


def test_the_header_is_kubeadms() -> None:
    assert signature("x", TOKEN).startswith("eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..")


def test_a_signature_of_the_token_is_taken() -> None:
    assert is_signed(data(), TOKEN)


@pytest.mark.parametrize("there", [{}, {"kubeconfig": KUBECONFIG}, data("zzzzzz.0123456789abcdef")])
def test_without_a_signature_of_the_token_one_may_wait(there: dict[str, str]) -> None:
    assert not is_signed(there, TOKEN)


@pytest.mark.parametrize(
    "there",
    [
        data() | {"kubeconfig": KUBECONFIG.replace("192.0.2.10", "192.0.2.66")},
        data() | {"jws-kubeconfig-abcdef": signature(KUBECONFIG, "abcdef.fedcba9876543210")},
        data() | {"jws-kubeconfig-abcdef": ""},
        {"jws-kubeconfig-abcdef": signature(KUBECONFIG, TOKEN)},
    ],
)
def test_a_signature_that_does_not_fit_ends_it(there: dict[str, str]) -> None:
    with pytest.raises(BootstrapError, match="not made with this token") as found:
        is_signed(there, TOKEN)
    assert found.value.code == Exit.API


def test_the_pinned_ca_is_trusted() -> None:
    found = trusted(KUBECONFIG, ["sha256:" + "0" * 64, public_key_hash(CA).upper().replace("SHA256", "sha256")])

    assert (found.server, found.ca) == ("https://192.0.2.10:6443", CA)
    assert trusted(KUBECONFIG, []) == found


def test_another_ca_is_named_and_refused() -> None:
    with pytest.raises(BootstrapError, match="not the pinned one") as found:
        trusted(KUBECONFIG, [public_key_hash(made_ca())])
    assert public_key_hash(CA) in found.value.why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "clusters: []",
        "clusters: [{cluster: {server: 'https://x'}}]",
        KUBECONFIG.replace("https://", "http://"),
        KUBECONFIG.replace("certificate-authority-data: ", "certificate-authority-data: '!'#"),
        "a: " + "[" * 500,
    ],
)
def test_what_is_no_kubeconfig_of_one_cluster_is_refused(text: str) -> None:
    with pytest.raises(BootstrapError, match="does not name one cluster"):
        trusted(text, [])
