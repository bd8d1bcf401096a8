"""Credentials of a machine that has some already: of ours, of the user, ended, taken away."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.engine.journal import Journal
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig
from bootstrap.model.effects import File, Link
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.journal_entry import PATH
from bootstrap.phases.cluster import ADMINS_BOUND
from bootstrap.render.pki.certs import certificate_info
from bootstrap.render.pki.issue_kubeconfigs import Ground, kubelet_credential
from bootstrap.render.pki.keys import CryptoKeySource, load_private
from bootstrap.render.pki.kubeconfig import rotatable_kubelet_conf
from bootstrap.workflows.credentials import Credentials, issue_credentials
from tests.configs import changed
from tests.golden.rendered import NOW
from tests.memory import MemoryHost

CFG = resolve(
    Documents(), Overrides(), HostFacts(mode="node", hostname="n1", addresses=(Address("eth0", "192.0.2.10", True),))
)
CA_KEY = f"{names.PKI_DIR}/ca.key"
CA_CERTIFICATE = f"{names.PKI_DIR}/ca.crt"
CURRENT = names.KUBELET_CLIENT_CURRENT


def issue(
    host: MemoryHost, cfg: Any = CFG, now: datetime = NOW, phase: str | None = None, **options: Any
) -> Credentials:
    return issue_credentials(host, cfg, now, phase, anew=options.get("anew", False))


def put(host: MemoryHost, path: str, content: bytes, *, ours: bool = True) -> None:
    if ours:
        Journal(host, "init").note(PATH, path)
    host.mkdir(path.rpartition("/")[0], 0o755)
    host.write(path, content, 0o600)


def made(*, ours: bool = True) -> MemoryHost:
    """A machine with all credentials, as the first `init` leaves it."""
    host = MemoryHost()
    found = issue(host)
    for file in (*found.pki, *found.kubeconfigs):
        put(host, file.path, file.content, ours=ours)
    return host


def rotating(host: MemoryHost) -> MemoryHost:
    """Its kubelet has taken its credential over, as it does in its first minute."""
    user = yaml.safe_load(host.read(names.KUBELET_CONF) or b"")["users"][0]["user"]
    pem = b"".join(b64decode(user[key]) for key in ("client-certificate-data", "client-key-data"))
    host.mkdir(CURRENT.rpartition("/")[0], 0o700)
    host.write(f"{CURRENT}.1", pem, 0o600)
    host.symlink(f"{CURRENT}.1", CURRENT)
    host.write(names.KUBELET_CONF, rotatable_kubelet_conf(host.read(names.KUBELET_CONF) or b""), 0o600)
    return host


def paths(found: Credentials, host: MemoryHost) -> set[str]:
    """Files that would be written."""
    return {f.path for f in (*found.pki, *found.kubeconfigs) if host.read(f.path) != f.content}


def test_what_the_first_run_made_is_kept() -> None:
    assert paths(issue(host := rotating(made())), host) == set()
    assert issue(host).kubelet == ()


@pytest.mark.parametrize("state", ["ended", "gone", "damaged", "of another node", "of another CA"])
def test_a_kubelet_whose_credential_is_no_good_gets_another_one(state: str) -> None:
    host, now = rotating(made()), NOW
    if state == "ended":
        now = NOW + timedelta(days=400)
    elif state == "gone":
        host.remove(f"{CURRENT}.1")
    elif state == "damaged":
        host.write(f"{CURRENT}.1", b"", 0o600)
    else:
        others = made() if state == "of another CA" else MemoryHost()
        cfg = CFG if state == "of another CA" else changed(CFG, name="n2")
        for file in issue(others, cfg).kubeconfigs if state == "of another node" else ():
            put(others, file.path, file.content)
        host.write(f"{CURRENT}.1", rotating(others).read(CURRENT) or b"", 0o600)
    file, link = issue(host, now=now).kubelet

    assert isinstance(file, File)
    assert isinstance(link, Link)
    assert (link.path, link.target) == (CURRENT, file.path)
    assert (file.mode, file.secret) == (0o600, True)
    info = certificate_info(file.content)
    assert (info.common_name, info.organizations) == ("system:node:n1", ("system:nodes",))
    assert info.not_after > now
    load_private(file.content)


def test_a_credential_of_any_trusted_ca_is_good() -> None:
    """While a CA is changed for another one, both are trusted, and the new one signs."""
    host, other = rotating(made()), MemoryHost()
    for file in issue(other).pki:
        put(other, file.path, file.content)
    both = (other.read(CA_CERTIFICATE) or b"") + (host.read(CA_CERTIFICATE) or b"")
    cas = {path: other.read(path) or b"" for path in (CA_KEY,)} | {CA_CERTIFICATE: both}
    ground = Ground(CFG, cas, CryptoKeySource(), NOW)
    current = {CURRENT: host.read(CURRENT) or b""}

    assert kubelet_credential(ground, host.read(names.KUBELET_CONF) or b"", current) == ()


def test_without_the_cas_key_the_way_back_is_named() -> None:
    host = rotating(made())
    host.remove(CA_KEY)
    host.remove(f"{CURRENT}.1")

    with pytest.raises(BootstrapError, match="the kubelet's client certificate") as caught:
        issue(host)
    assert caught.value.code == Exit.CONFIG
    assert "join" in caught.value.fix


def test_ended_certificates_are_all_issued_again() -> None:
    host = made()
    found = issue(host, now=NOW + timedelta(days=400))

    assert {p.rpartition("/")[2] for p in paths(found, host)} >= {
        "apiserver.crt",
        "admin.conf",
        "kubelet.conf",
        "peer.crt",
    }


def test_super_admin_conf_that_was_taken_away_does_not_come_back() -> None:
    host = made()
    host.remove(names.SUPER_ADMIN_CONF)

    def comes_back(phase: str | None = None) -> bool:
        return names.SUPER_ADMIN_CONF in {f.path for f in issue(host, phase=phase).kubeconfigs}

    assert comes_back()  # the first run was killed
    put(host, ADMINS_BOUND, b"")
    assert not comes_back()
    assert not comes_back("kubeconfig")
    assert not comes_back("kubeconfig/all")
    assert comes_back("kubeconfig/super-admin")


def test_super_admin_conf_that_is_there_is_renewed() -> None:
    host = made()
    put(host, ADMINS_BOUND, b"")

    assert names.SUPER_ADMIN_CONF in paths(issue(host, now=NOW + timedelta(days=400)), host)


@pytest.mark.parametrize("path", [names.KUBELET_CONF, names.ADMIN_CONF, names.SCHEDULER_CONF])
@pytest.mark.parametrize("what", ["of another cluster", "ended", "unreadable", "of somebody else"])
def test_a_kubeconfig_that_the_user_brought_is_never_overwritten(path: str, what: str) -> None:
    host, now = made(ours=False), NOW
    if what == "of another cluster":
        host.write(path, made().read(path) or b"", 0o600)
    elif what == "ended":
        now = NOW + timedelta(days=400)
        for file in issue(host).pki:
            host.remove(file.path)
            put(host, file.path, file.content)
    elif what == "unreadable":
        host.write(path, b"}{", 0o600)
    else:
        host.write(path, host.read(names.SUPER_ADMIN_CONF) or b"", 0o600)

    with pytest.raises(BootstrapError, match="is there, and cannot be used") as caught:
        issue(host, now=now)
    assert caught.value.code == Exit.CONFIG
    assert "move it away" in caught.value.fix


def test_one_that_fits_is_kept_whatever_its_server() -> None:
    host = made(ours=False)
    elsewhere = (host.read(names.KUBELET_CONF) or b"").replace(b"192.0.2.10:6443", b"lb.example:6443")
    host.write(names.KUBELET_CONF, elsewhere, 0o600)

    assert paths(issue(host), host) == set()


@pytest.mark.parametrize(
    ("change", "renewed"),
    [
        ({"certificate_validity": 3600.0}, {"apiserver.crt", "peer.crt", "admin.conf", "kubelet.conf"}),
        ({"encryption_algorithm": "ECDSA-P384"}, {"apiserver.crt", "peer.crt", "admin.conf", "kubelet.conf"}),
    ],
)
def test_with_reconfigure_what_is_ours_is_issued_as_configured(change: dict[str, Any], renewed: set[str]) -> None:
    host, cfg = made(), changed(CFG, **change)
    again = {p.rpartition("/")[2] for p in paths(issue(host, cfg, anew=True), host)}

    assert renewed <= again
    assert not {"ca.crt", "ca.key", "sa.key"} & again
    assert paths(issue(host, cfg), host) == set()


def test_with_reconfigure_a_name_that_was_removed_goes() -> None:
    wide = changed(CFG, own=replace(BootstrapConfig(), extra_sans=("old.example",)))
    host = MemoryHost()
    for file in issue(host, wide).pki:
        put(host, file.path, file.content)

    def names_of(found: Credentials) -> tuple[str, ...]:
        return certificate_info(found.by_path[f"{names.PKI_DIR}/apiserver.crt"]).sans

    assert "old.example" in names_of(issue(host))
    assert "old.example" not in names_of(issue(host, anew=True))


def test_with_reconfigure_a_certificate_of_the_user_stays() -> None:
    host = made(ours=False)

    assert paths(issue(host, changed(CFG, certificate_validity=3600.0), anew=True), host) == set()
