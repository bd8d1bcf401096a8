"""Issuing and keeping certificates and kubeconfigs."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography import x509

from bootstrap.model import names
from bootstrap.model.cluster import ApiEndpoint, BootstrapConfig, ClusterConfig, ExternalEtcd, NodeSpec
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki import certs
from bootstrap.render.pki.certs import CertSpec, build, certificate_info, describe
from bootstrap.render.pki.issue import issue_pki, pki_paths, signing_ca
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import CryptoKeySource, load_private
from bootstrap.render.pki.kubeconfig import (
    Identity,
    cluster_info_kubeconfig,
    rotatable_kubelet_conf,
    told_otherwise,
    user_kubeconfig,
    with_server,
)
from tests.configs import changed

CFG = ClusterConfig(node=NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))
NOW = datetime(2026, 5, 1, tzinfo=UTC)
KEYS = CryptoKeySource()


def tree(files: tuple[File, ...]) -> dict[str, bytes]:
    return {f.path: f.content for f in files}


@pytest.fixture(scope="module")
def pki() -> dict[str, bytes]:
    return tree(issue_pki(CFG, {}, KEYS, NOW))


def rewritten(before: dict[str, bytes], after: tuple[File, ...]) -> set[str]:
    return {f.path.removeprefix("/etc/kubernetes/") for f in after if before.get(f.path) != f.content}


def test_set_modes_and_flags(pki: dict[str, bytes]) -> None:
    files = {f.path: f for f in issue_pki(CFG, pki, KEYS, NOW)}
    assert set(files) == set(pki_paths(CFG)) and len(files) == 22
    key, leaf, ca = (files[f"/etc/kubernetes/pki/{n}"] for n in ("ca.key", "apiserver.key", "ca.crt"))
    assert (key.mode, key.secret, key.once) == (0o600, True, True)
    assert (leaf.mode, leaf.secret, leaf.once) == (0o600, True, False)
    assert (ca.mode, ca.secret, ca.once) == (0o644, False, True)
    assert files["/etc/kubernetes/pki/sa.pub"].mode == 0o600


def test_second_run_changes_nothing(pki: dict[str, bytes]) -> None:
    assert not rewritten(pki, issue_pki(CFG, pki, KEYS, NOW + timedelta(days=30)))


def test_another_address_reissues_what_names_it(pki: dict[str, bytes]) -> None:
    moved = changed(CFG, advertise_address="192.0.2.99")
    after = issue_pki(moved, pki, KEYS, NOW, pki)
    stems = {p.rsplit(".", 1)[0] for p in rewritten(pki, after)}
    assert stems == {"pki/apiserver", "pki/etcd/server", "pki/etcd/peer"}
    assert "192.0.2.99" in certificate_info(tree(after)["/etc/kubernetes/pki/apiserver.crt"]).sans


def test_a_member_s_peers_may_know_it_by_any_address_that_it_had(pki: dict[str, bytes]) -> None:
    for address in ("192.0.2.99", "192.0.2.98"):
        pki = tree(issue_pki(changed(CFG, advertise_address=address), pki, KEYS, NOW, pki))

    peer = certificate_info(pki["/etc/kubernetes/pki/etcd/peer.crt"]).sans
    assert {"192.0.2.10", "192.0.2.99", "192.0.2.98"} <= set(peer)
    assert "192.0.2.10" not in certificate_info(pki["/etc/kubernetes/pki/etcd/server.crt"]).sans
    anew = issue_pki(changed(CFG, advertise_address="192.0.2.98"), pki, KEYS, NOW, pki, anew=True)
    assert not rewritten(pki, anew)


def test_expired_leaves_are_reissued_and_cas_are_not(pki: dict[str, bytes]) -> None:
    after = rewritten(pki, issue_pki(CFG, pki, KEYS, NOW + timedelta(days=400), pki))
    assert "pki/apiserver.crt" in after and "pki/front-proxy-client.key" in after
    assert not after & {"pki/ca.crt", "pki/ca.key", "pki/etcd/ca.crt", "pki/sa.key", "pki/sa.pub"}


def test_certificates_are_good_where_the_clock_is_five_minutes_behind(pki: dict[str, bytes]) -> None:
    for path, content in pki.items():
        if path.endswith(".crt"):
            assert certificate_info(content).not_before == NOW - timedelta(minutes=5)


def test_leaves_of_a_clock_that_was_ahead_are_reissued_and_cas_are_not(pki: dict[str, bytes]) -> None:
    ahead = tree(issue_pki(CFG, pki, KEYS, NOW + timedelta(days=400), pki))
    after = rewritten(ahead, issue_pki(CFG, ahead, KEYS, NOW, ahead))
    assert "pki/apiserver.crt" in after
    assert not after & {"pki/ca.crt", "pki/ca.key", "pki/etcd/ca.crt", "pki/sa.key", "pki/sa.pub"}


@pytest.mark.parametrize(("years", "words"), [(-3, "is valid from"), (12, "ended on")])
def test_with_a_clock_that_is_wrong_by_years_nothing_is_signed(pki: dict[str, bytes], years: int, words: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        issue_pki(CFG, pki, KEYS, NOW + timedelta(days=365 * years), pki)

    assert caught.value.code == Exit.PREFLIGHT
    assert words in caught.value.what


def test_leaf_of_another_ca_or_without_its_key_is_reissued(pki: dict[str, bytes]) -> None:
    other = tree(issue_pki(CFG, {}, KEYS, NOW))
    mixed = pki | {p: other[p] for p in other if "front-proxy-client" in p}
    del mixed["/etc/kubernetes/pki/apiserver.key"]
    assert rewritten(pki, issue_pki(CFG, mixed, KEYS, NOW, pki)) == {
        "pki/front-proxy-client.crt",
        "pki/front-proxy-client.key",
        "pki/apiserver.crt",
        "pki/apiserver.key",
    }


@pytest.mark.parametrize("broken", ["other key", "no certificate", "no key at all", "not a CA"])
def test_broken_ca_stops(pki: dict[str, bytes], broken: str) -> None:
    crt, key = "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/ca.key"
    existing = dict(pki)
    if broken == "other key":
        existing[key] = pki["/etc/kubernetes/pki/sa.key"]
    elif broken == "no certificate":
        del existing[crt]
    elif broken == "no key at all":
        existing[key] = b"nothing"
    else:
        existing[crt] = pki["/etc/kubernetes/pki/apiserver.crt"]
    with pytest.raises(BootstrapError) as e:
        issue_pki(CFG, existing, KEYS, NOW)
    assert e.value.code == Exit.CONFIG and "/etc/kubernetes/pki/ca" in e.value.what and e.value.fix


def test_a_ca_that_was_begun_is_finished_with_its_key(pki: dict[str, bytes]) -> None:
    crt, key = "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/ca.key"
    order = list(pki)
    assert order.index(key) < order.index(crt), "or a kill between the two would leave what looks like an external CA"
    half = {path: content for path, content in pki.items() if path != crt}
    after = tree(issue_pki(CFG, half, KEYS, NOW, begun={key}))
    assert {path for path in after if after[path] != pki[path]} <= {crt}
    assert issue_pki(CFG, after, KEYS, NOW) and certificate_info(after[crt]).is_ca


def test_external_ca_needs_its_leaves(pki: dict[str, bytes]) -> None:
    external = {p: c for p, c in pki.items() if not p.endswith("pki/ca.key")}
    assert not rewritten(pki, issue_pki(CFG, external, KEYS, NOW))
    del external["/etc/kubernetes/pki/apiserver.crt"]
    with pytest.raises(BootstrapError, match=r"apiserver\.crt cannot be used"):
        issue_pki(CFG, external, KEYS, NOW)


def test_external_ca_needs_the_service_account_key(pki: dict[str, bytes]) -> None:
    external = {p: c for p, c in pki.items() if not p.endswith(("pki/ca.key", "sa.key", "sa.pub"))}
    with pytest.raises(BootstrapError, match=r"sa\.key is missing"):
        issue_pki(CFG, external, KEYS, NOW)


def test_lost_public_half_of_the_service_account_comes_back(pki: dict[str, bytes]) -> None:
    without = {p: c for p, c in pki.items() if not p.endswith("sa.pub")}
    assert tree(issue_pki(CFG, without, KEYS, NOW)) == pki


def test_external_etcd_has_no_etcd_certificates() -> None:
    cfg = changed(CFG, etcd=ExternalEtcd(("https://e:2379",)))
    assert not [p for p in pki_paths(cfg) if "etcd" in p]


@pytest.mark.parametrize("what", ["ended", "another name", "no key"])
def test_a_leaf_that_the_user_brought_is_never_overwritten(pki: dict[str, bytes], what: str) -> None:
    cfg, there, now = CFG, dict(pki), NOW
    if what == "ended":
        now = NOW + timedelta(days=400)
    elif what == "another name":
        cfg = changed(CFG, api_server_cert_sans=("more.example",))
    else:
        del there["/etc/kubernetes/pki/apiserver.key"]

    with pytest.raises(BootstrapError, match=r"apiserver\.crt cannot be used") as caught:
        issue_pki(cfg, there, KEYS, now)
    assert caught.value.code == Exit.CONFIG
    assert "move both away" in caught.value.fix


def test_names_in_the_apiserver_certificate() -> None:
    cfg = changed(
        CFG,
        control_plane_endpoint="api.example:8443",
        api_server_cert_sans=("192.0.2.10", "b.example"),
        own=BootstrapConfig(extra_sans=("extra.example",)),
        networking=replace(CFG.cluster.networking, service_subnet="10.96.0.0/12,fd00:1::/112"),
    )
    sans = certificate_info(tree(issue_pki(cfg, {}, KEYS, NOW))["/etc/kubernetes/pki/apiserver.crt"]).sans
    assert {"api.example", "b.example", "extra.example", "localhost", "127.0.0.1", "::1", "fd00:1::1"} <= set(sans)
    assert len(sans) == len(set(sans))


def test_rsa_on_request() -> None:
    pki = tree(issue_pki(changed(CFG, encryption_algorithm="RSA-2048"), {}, KEYS, NOW))
    assert certificate_info(pki["/etc/kubernetes/pki/ca.crt"]).key == "RSA-2048"
    assert b"BEGIN RSA PRIVATE KEY" in pki["/etc/kubernetes/pki/sa.key"]


def issued(cfg: ClusterConfig, pki: dict[str, bytes], there: dict[str, bytes], now: datetime = NOW) -> tuple[File, ...]:
    """All that is there is of ours."""
    return issue_kubeconfigs(Ground(cfg, pki, KEYS, now), there, tuple(there))


@pytest.fixture(scope="module")
def confs(pki: dict[str, bytes]) -> dict[str, bytes]:
    return tree(issued(CFG, pki, {}))


def test_kubeconfigs_are_kept(pki: dict[str, bytes], confs: dict[str, bytes]) -> None:
    again = issued(CFG, pki, confs)
    assert tree(again) == confs
    assert {(f.mode, f.secret) for f in again} == {(0o600, True)}


def test_kubeconfigs_of_another_server_ca_or_time_are_not(pki: dict[str, bytes], confs: dict[str, bytes]) -> None:
    moved = changed(CFG, advertise_address="192.0.2.99")
    assert len(rewritten(confs, issued(moved, pki, confs))) == 5
    assert len(rewritten(confs, issued(CFG, pki, confs, NOW + timedelta(days=400)))) == 5
    other = tree(issue_pki(CFG, {}, KEYS, NOW))
    assert len(rewritten(confs, issued(CFG, other, confs))) == 5
    renamed = changed(CFG, name="n2")
    assert rewritten(confs, issued(renamed, pki, confs)) == {"kubelet.conf"}
    damaged = confs | {names.ADMIN_CONF: b"}{"}
    assert rewritten(damaged, issued(CFG, pki, damaged)) == {"admin.conf"}


def test_a_kubelet_goes_with_the_cluster_unless_somebody_told_it_another_server(confs: dict[str, bytes]) -> None:
    conf, now = confs[names.KUBELET_CONF], "https://api.example.test:6443"

    assert told_otherwise(conf, "https://192.0.2.10:6443", now) == with_server(conf, now)
    assert told_otherwise(conf, "https://192.0.2.11:6443", now) == b""
    assert told_otherwise(conf, "https://192.0.2.10:6443", "https://192.0.2.10:6443") == b""
    assert told_otherwise(b"x", "https://192.0.2.10:6443", now) == b""


def test_rotating_kubelet_keeps_its_reference(pki: dict[str, bytes], confs: dict[str, bytes]) -> None:
    rotating = confs | {names.KUBELET_CONF: rotatable_kubelet_conf(confs[names.KUBELET_CONF])}
    assert tree(issued(CFG, pki, rotating))[names.KUBELET_CONF] == rotating[names.KUBELET_CONF]
    moved = changed(CFG, advertise_address="192.0.2.99")
    document = yaml.safe_load(tree(issued(moved, pki, rotating))[names.KUBELET_CONF])
    assert document["clusters"][0]["cluster"]["server"] == "https://192.0.2.99:6443"
    assert document["users"][0]["user"] == {
        "client-certificate": names.KUBELET_CLIENT_CURRENT,
        "client-key": names.KUBELET_CLIENT_CURRENT,
    }


def test_user_kubeconfig_without_the_ca_key_says_so(pki: dict[str, bytes]) -> None:
    external = {p: c for p, c in pki.items() if not p.endswith("pki/ca.key")}
    with pytest.raises(BootstrapError, match="no kubeconfig can be made for ann"):
        user_kubeconfig(CFG, external, Identity("ann", ("dev",), "https://x:1"), KEYS, NOW)


def test_cluster_info_holds_the_ca_and_no_user(pki: dict[str, bytes]) -> None:
    ca = pki["/etc/kubernetes/pki/ca.crt"]
    document = yaml.safe_load(cluster_info_kubeconfig(CFG, ca))
    cluster = {"server": "https://192.0.2.10:6443", "certificate-authority-data": b64encode(ca).decode()}
    assert document["clusters"] == [{"name": "", "cluster": cluster}]
    assert not document["users"]


def test_a_key_that_kubernetes_cannot_use_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    with pytest.raises(ValueError, match="neither RSA nor ECDSA"):
        load_private(pem)


@pytest.mark.parametrize("length", [52, 53, 63])
def test_every_name_that_a_node_may_have_gets_a_certificate(length: int) -> None:
    cfg = changed(CFG, name="n" * length)
    found = tree(issue_pki(cfg, {}, KEYS, NOW))
    kept = tree(issued(cfg, found, {}))

    assert not rewritten(kept, issued(cfg, found, kept))
    subject = certificate_info(
        b64decode(yaml.safe_load(kept[names.KUBELET_CONF])["users"][0]["user"]["client-certificate-data"])
    )
    assert subject.common_name == f"system:node:{'n' * length}"


def with_others_first(kubeconfig: bytes) -> bytes:
    """As `kubectl config set-…` leaves it: another cluster and user in front of the current ones."""
    document = yaml.safe_load(kubeconfig)
    document["clusters"].insert(0, {"name": "other", "cluster": {"server": "https://other:6443"}})
    document["users"].insert(0, {"name": "other", "user": {"token": "other"}})
    return yaml.safe_dump(document).encode()


def test_only_the_current_context_is_changed(confs: dict[str, bytes]) -> None:
    moved = yaml.safe_load(with_server(with_others_first(confs[names.ADMIN_CONF]), "https://moved:1"))
    assert [c["cluster"]["server"] for c in moved["clusters"]] == ["https://other:6443", "https://moved:1"]
    rotating = yaml.safe_load(rotatable_kubelet_conf(with_others_first(confs[names.KUBELET_CONF])))
    assert [list(u["user"]) for u in rotating["users"]] == [["token"], ["client-certificate", "client-key"]]


def test_a_subject_may_have_several_organizations() -> None:
    spec = CertSpec("ann", ("dev", "ops"), usages=("client",))
    certificate = build(spec, KEYS.new("ECDSA-P256"), None, serial=1, now=NOW, lifetime=60)

    assert set(describe(certificate).organizations) == {"dev", "ops"}
    assert len(certificate.subject.rdns) == 2


def beside(pki: dict[str, bytes], *, first: bool) -> dict[str, bytes]:
    """Another CA is trusted too: before ours in its file, or behind it."""
    root = build(CertSpec("other", is_ca=True), KEYS.new("ECDSA-P256"), None, serial=1, now=NOW, lifetime=1e8)
    other = certs.certificate_pem(root)
    path = "/etc/kubernetes/pki/ca.crt"
    return pki | {path: other + pki[path] if first else pki[path] + other}


@pytest.mark.parametrize("first", [True, False])
def test_a_ca_with_others_beside_it_signs_as_before(pki: dict[str, bytes], first: bool) -> None:
    there = beside(pki, first=first)
    made = tree(issue_pki(CFG, there, KEYS, NOW, begun=set(there)))

    assert made == {**there, "/etc/kubernetes/pki/signing-ca.crt": pki["/etc/kubernetes/pki/ca.crt"]}
    assert tree(issue_pki(CFG, made, KEYS, NOW, begun=set(made))) == made
    assert [signing_ca(CFG, files) for files in (pki, made)] == ["ca", "signing-ca"]
    assert signing_ca(CFG, {p: c for p, c in made.items() if not p.endswith("/ca.key")}) == ""


@pytest.mark.parametrize("first", [True, False])
def test_what_is_issued_beside_others_is_of_the_one_whose_key_is_here(pki: dict[str, bytes], first: bool) -> None:
    later = NOW + timedelta(days=400)
    made = tree(issue_pki(CFG, beside(pki, first=first), KEYS, later, begun=set(pki)))

    ca = x509.load_pem_x509_certificate(pki["/etc/kubernetes/pki/ca.crt"])
    leaf = x509.load_pem_x509_certificate(made["/etc/kubernetes/pki/apiserver.crt"])
    assert certs.signed_by(leaf, ca) and made["/etc/kubernetes/pki/apiserver.crt"].count(b"BEGIN") == 1
    confs = issue_kubeconfigs(Ground(CFG, made, KEYS, later), {})
    assert all(b"signing-ca" not in file.content for file in confs)
