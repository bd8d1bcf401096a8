"""Certificates in the place of others, and how long each is good for."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki import certs
from bootstrap.render.pki.expiry import expiries
from bootstrap.render.pki.inventory import KUBELET, KUBELET_SERVER
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import CryptoKeySource, load_private
from bootstrap.render.pki.kubeconfig import rotatable_kubelet_conf
from bootstrap.render.pki.renewal import RenewalInput, renewal
from bootstrap.render.pki.requests import requests

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=300)
PKI = names.PKI_DIR
KEYS = CryptoKeySource()
LEAVES = ["admin.conf", "apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "controller-manager.conf",
          "etcd-healthcheck-client", "etcd-peer", "etcd-server", "front-proxy-client", "scheduler.conf",
          "super-admin.conf"]  # fmt: skip
"""As `kubeadm certs check-expiration` lists them."""


def configured(**flags: str) -> ClusterConfig:
    return resolve(Documents(), Overrides(**flags), ANY_HOST)


def node(cfg: ClusterConfig) -> dict[str, bytes]:
    files = {file.path: file.content for file in issue_pki(cfg, {}, KEYS, NOW)}
    made = issue_kubeconfigs(Ground(cfg, files, KEYS, NOW), {})
    return files | {file.path: file.content for file in made}


def ground(
    files: dict[str, bytes], now: datetime = LATER, ours: bool = True, cfg: ClusterConfig | None = None
) -> RenewalInput:
    return RenewalInput(cfg or configured(), files.get, tuple(files) if ours else (), KEYS, now)


def refusal(files: dict[str, bytes], *wanted: str, now: datetime = LATER) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        renewal(ground(files, now), wanted)
    return caught.value


def test_the_table_has_kubeadm_s_names_in_its_order() -> None:
    leaves, authorities = expiries(configured(), node(configured()).get)

    assert [each.name for each in leaves] == [*LEAVES, KUBELET, KUBELET_SERVER]
    assert [each.name for each in authorities] == ["ca", "etcd-ca", "front-proxy-ca"]
    assert {each.ca: each.issuer for each in leaves if each.ends} == {
        "ca": "kubernetes", "etcd-ca": "etcd-ca", "front-proxy-ca": "front-proxy-ca"
    }  # fmt: skip
    assert {each.ends for each in leaves if each.ends} == {NOW + timedelta(days=365)}
    assert not any(each.external for each in (*leaves, *authorities))


def test_what_is_missing_damaged_or_of_another_s_ca_is_said() -> None:
    files = node(configured())
    del files[f"{PKI}/apiserver.crt"], files[f"{PKI}/front-proxy-ca.key"]
    files[f"{PKI}/etcd/peer.crt"] = b"-----BEGIN CERTIFICATE-----\nx"
    found = {each.name: each for each in expiries(configured(), files.get)[0]}

    assert found["apiserver"].ends is None
    assert found["etcd-peer"].problem
    assert [name for name, each in found.items() if each.external] == ["front-proxy-client"]


@pytest.mark.parametrize("name", LEAVES)
def test_each_has_a_new_key_and_says_what_it_said(name: str) -> None:
    files = node(configured())
    (made,) = renewal(ground(files), [name]).renewed

    assert made.name == name
    assert made.ends == LATER + timedelta(days=365)
    old, new = (pair(source, made.paths[0]) for source in (files, {f.path: f.content for f in made.files}))
    assert certs.spec_of(new[0]) == certs.spec_of(old[0])
    assert new[1] != old[1]
    assert certs.same_key(new[0], load_private(new[1]))
    ca = {"front-proxy-client": "front-proxy-ca"}.get(name, "etcd/ca" if "etcd" in name else "ca")
    assert certs.signed_by(new[0], x509.load_pem_x509_certificate(files[f"{PKI}/{ca}.crt"]))


def pair(files: dict[str, bytes], path: str) -> tuple[x509.Certificate, bytes]:
    if not path.endswith(".conf"):
        return x509.load_pem_x509_certificate(files[path]), files[path.replace(".crt", ".key")]
    user = read_kubeconfig(files[path]).user
    pem, key = (b64decode(user[f"client-{what}-data"]) for what in ("certificate", "key"))
    return x509.load_pem_x509_certificate(pem), key


@pytest.mark.parametrize(("days", "due"), [(240, False), (244, True), (400, True)])
def test_due_is_what_has_less_than_a_third_of_its_life_left(days: int, due: bool) -> None:
    found = renewal(replace(ground(node(configured()), NOW + timedelta(days=days)), due=True), ["all"])

    assert [each.name for each in found.renewed] == ([*LEAVES, KUBELET] if due else [])
    assert (found.missing, found.external) == ([], [])


def test_a_certificate_that_began_with_its_ca_has_not_lived_for_longer_than_one_is_made_for() -> None:
    """As kubeadm's do: of five years a third would be left all through the last one."""
    files, five = node(configured()), 5 * 365
    ca = certs.Issuer(x509.load_pem_x509_certificate(files[f"{PKI}/ca.crt"]), load_private(files[f"{PKI}/ca.key"]))
    old, key = pair(files, f"{PKI}/apiserver.crt")
    lasting = certs.build(
        certs.spec_of(old), load_private(key), ca, serial=7, now=NOW, lifetime=five * 86400
    )  # fmt: skip
    files[f"{PKI}/apiserver.crt"] = certs.certificate_pem(lasting)

    for days_left, due in ((364, False), (120, True)):
        now = NOW + timedelta(days=five - days_left)
        assert bool(renewal(replace(ground(files, now), due=True), ["apiserver"]).renewed) is due


def test_due_leaves_what_is_missing_and_names_a_clock_that_is_wrong() -> None:
    files = node(configured())
    del files[names.SUPER_ADMIN_CONF]
    assert not renewal(replace(ground(files, NOW), due=True), ["all"]).missing

    with pytest.raises(BootstrapError) as caught:
        renewal(replace(ground(files, NOW - timedelta(days=900)), due=True), ["all"])
    assert caught.value.code == Exit.PREFLIGHT


def test_due_and_of_another_s_ca_is_a_failure_that_is_seen() -> None:
    files = node(configured())
    for ca in ("ca", "etcd/ca", "front-proxy-ca"):
        del files[f"{PKI}/{ca}.key"]
    assert not renewal(replace(ground(files, NOW), due=True), ["all"]).external

    with pytest.raises(BootstrapError) as caught:
        renewal(replace(ground(files), due=True), ["all"])
    assert caught.value.code == Exit.CONFIG


def test_all_are_those_that_are_here() -> None:
    files = node(configured())
    del files[names.SUPER_ADMIN_CONF]
    found = renewal(ground(files), ["all"])

    assert [each.name for each in found.renewed] == [*LEAVES[:-1], KUBELET]
    assert found.missing == ["super-admin.conf"]


def test_ours_says_what_the_configuration_says_and_another_s_what_it_said() -> None:
    files, wanted = node(configured(apiserver_cert_extra_sans=("old.example",))), configured()
    (ours,) = renewal(ground(files), ["apiserver"]).renewed
    (theirs,) = renewal(ground(files, ours=False, cfg=wanted), ["apiserver"]).renewed

    assert "old.example" not in certs.certificate_info(ours.files[0].content).sans  # type: ignore[union-attr]
    assert "old.example" in certs.certificate_info(theirs.files[0].content).sans  # type: ignore[union-attr]


@pytest.mark.parametrize(("now", "renewed"), [(LATER, False), (NOW + timedelta(days=366), True)])
def test_a_kubelet_renews_its_own_until_it_cannot(now: datetime, renewed: bool) -> None:
    files = node(configured())
    user = read_kubeconfig(files[names.KUBELET_CONF]).user
    pem = b"".join(b64decode(user[f"client-{what}-data"]) for what in ("certificate", "key"))
    files[names.KUBELET_CONF] = rotatable_kubelet_conf(files[names.KUBELET_CONF])
    files[names.KUBELET_CLIENT_CURRENT] = pem
    found = {each.name: each for each in renewal(ground(files, now), ["all"]).renewed}

    assert (KUBELET in found) == renewed
    (by_name,) = renewal(ground(files, now), [KUBELET]).renewed
    assert by_name.paths[1] == names.KUBELET_CLIENT_CURRENT


@pytest.mark.parametrize("ca", ["ca", "front-proxy-ca", "etcd/ca"])
def test_a_ca_elsewhere_is_refused_by_name_and_left_out_of_all(ca: str) -> None:
    files, leaf = node(configured()), {"ca": "apiserver", "front-proxy-ca": "front-proxy-client"}.get(ca, "etcd-peer")
    del files[f"{PKI}/{ca}.key"]

    assert leaf in renewal(ground(files), ["all"]).external
    error = refusal(files, leaf)
    assert error.code == Exit.CONFIG
    assert f"{PKI}/{ca}.key" in error.why
    assert "generate-csr" in error.fix


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (NOW - timedelta(days=365 * 6), "the clock says 2020-01-04"),
        (NOW - timedelta(minutes=6), "is valid from 2026-01-02 02:59:05"),
        (NOW + timedelta(days=3650), "ended on 2035-12-31"),
        (NOW + timedelta(days=365 * 20), "the clock says 2045-12-28"),
    ],
)
@pytest.mark.parametrize("name", ["apiserver", "all"])
def test_nothing_is_renewed_by_a_clock_that_is_wrong(now: datetime, said: str, name: str) -> None:
    error = refusal(node(configured()), name, now=now)

    assert error.code == Exit.PREFLIGHT
    assert said in error.what


@pytest.mark.parametrize(
    ("wanted", "code"), [("apiserver.crt", Exit.USAGE), ("ca", Exit.USAGE), ("super-admin.conf", Exit.CONFIG)]
)
def test_what_is_not_here_is_refused_by_name(wanted: str, code: Exit) -> None:
    files = node(configured())
    del files[names.SUPER_ADMIN_CONF]

    assert refusal(files, wanted).code == code


def test_requests_are_for_what_a_ca_elsewhere_has_to_sign() -> None:
    made = {file.path: file for file in requests(configured(), "/csr", KEYS, None)}

    assert {path for path in made if path.endswith(".conf")} == {
        f"/csr/{name}" for name in ("admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf",
                                    "scheduler.conf")
    }  # fmt: skip
    asked = x509.load_pem_x509_csr(made[f"{PKI}/etcd/server.csr"].content)
    assert asked.is_signature_valid
    assert "localhost" in asked.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.DNSName)
    assert {file.mode for file in made.values()} == {0o600}
    admin = x509.load_pem_x509_csr(made["/csr/admin.conf.csr"].content)
    assert admin.subject.rfc4514_string() == "CN=kubernetes-admin,O=kubeadm:cluster-admins"
