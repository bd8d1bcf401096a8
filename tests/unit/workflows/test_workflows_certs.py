"""Which machine it is whose certificates are looked at, and what is written there."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.config import Documents, Overrides, resolve, to_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.engine.journal import Journal, begun, read_journal
from bootstrap.host.kube_client import KubeApi
from bootstrap.host.port import ApiResponse, UnitState
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import PATH, UNIT
from bootstrap.phases.renew import STATIC_PODS
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.workflows import certs, requests
from bootstrap.workflows.certs import CertsRequest
from tests.memory import MemoryHost

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTHING_RUNS = (
    "crictl --runtime-endpoint=unix:///var/run/containerd/containerd.sock --timeout=60s ps --output=json "
    "--name=^{}$ --label=io.kubernetes.pod.namespace=kube-system"
)
LATER = NOW + timedelta(days=300)


def _refused(api: KubeApi, path: str) -> ApiResponse:
    raise ConnectionError("refused")


@pytest.fixture(autouse=True)
def _any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that runs is well, and no API server answers."""
    monkeypatch.setattr(certs, "probe", lambda url: (200, "ok"))
    monkeypatch.setattr(KubeApi, "get", _refused)
    for module in (certs, requests):
        monkeypatch.setattr(module, "gather", lambda host, mode: ANY_HOST)


def node(*, ours: bool, control_plane: bool = True) -> MemoryHost:
    """Of ours, or as kubeadm leaves one: no journal, no state. Without a kubelet that runs."""
    host, cfg, keys = MemoryHost(), resolve(Documents(), Overrides(), ANY_HOST), CryptoKeySource()
    pki = issue_pki(cfg, {}, keys, NOW)
    files = [*pki, *issue_kubeconfigs(Ground(cfg, {f.path: f.content for f in pki}, keys, NOW), {})]
    files += static_pods(cfg, ANY_HOST, {})
    if not control_plane:
        files = [file for file in files if file.path in (names.KUBELET_CONF, f"{names.PKI_DIR}/ca.crt")]
    journal = Journal(host, "init", records=ours)
    journal.note(UNIT, names.KUBELET_SERVICE)
    for file in files:
        journal.note(PATH, file.path)
        host.mkdir(file.path.rpartition("/")[0], 0o755)
        host.write(file.path, file.content, file.mode)
    if ours:
        host.mkdir(names.STATE_DIR, 0o700)
        host.write(names.STATE_CONFIG, to_stored(cfg).encode(), 0o600)
    for name in STATIC_PODS:
        host.outputs[NOTHING_RUNS.format(name)] = "{}"
    host.log.clear()
    return host


def renew(host: MemoryHost, *wanted: str, now: datetime = LATER, **given: str) -> certs.RenewalDecision:
    decision = certs.decide_renewal(host, "node", CertsRequest(**given), wanted, now)  # type: ignore[arg-type]
    certs.renew(host, "node", decision, lambda event: None)
    return decision


@pytest.mark.parametrize("ours", [True, False])
def test_both_kinds_of_nodes_are_renewed_and_only_ours_has_a_record(ours: bool) -> None:
    host = node(ours=ours)
    before = read_journal(host)
    decision = renew(host, "all")

    assert len(decision.result.renewed) == 12
    assert [entry.name for entry in read_journal(host)[len(before) :]] == [names.RENEWING] * ours
    assert bool(begun(before)) == ours
    written = [line for line in host.changes if line.startswith("write") and names.RENEWING not in line]
    assert len(written) == 12 * 2 - 5, "a kubeconfig is one file"
    ends = {each.ends for each in certs.check(host, "node", CertsRequest())[0] if each.ends}
    assert ends == {LATER + timedelta(days=365)}


@pytest.mark.parametrize("ours", [True, False])
def test_who_read_a_file_by_its_owner_still_does(ours: bool) -> None:
    """As kubeadm, which writes into the file that is there: with RootlessControlPlane each component has a user."""
    host = node(ours=ours)
    theirs = (f"{names.PKI_DIR}/etcd/server.key", f"{names.PKI_DIR}/etcd/peer.crt", names.SCHEDULER_CONF)
    for path in theirs:
        host.entries[path] = dataclasses.replace(host.entries[path], owner=(379, 380))
    before = {path: host.read(path) for path in theirs}
    renew(host, "all")

    assert {path: host.entries[path].owner for path in theirs} == dict.fromkeys(theirs, (379, 380))
    assert all(host.read(path) != content for path, content in before.items())
    assert host.entries[f"{names.PKI_DIR}/apiserver.key"].owner == (0, 0)


def test_what_was_somebody_else_s_is_noted_first() -> None:
    host = node(ours=True)
    lines = [line for line in (host.read(names.JOURNAL) or b"").splitlines() if b"apiserver.crt" not in line]
    host.write(names.JOURNAL, b"\n".join(lines), 0o600)
    renew(host, "apiserver")

    noted = {entry.name: entry.before for entry in read_journal(host)}
    assert (noted[f"{names.PKI_DIR}/apiserver.crt"] or {})["type"] == "file"


def test_a_dry_run_writes_nothing() -> None:
    host = node(ours=True)
    certs.decide_renewal(host, "node", CertsRequest(), ("all",), LATER)

    assert host.log == []


def test_a_worker_has_the_kubelet_s_only() -> None:
    host = node(ours=False, control_plane=False)
    leaves, authorities = certs.check(host, "node", CertsRequest())

    assert [(each.name, each.external) for each in leaves] == [("kubelet.conf", True), ("kubelet-server", False)]
    assert [(each.name, each.external) for each in authorities] == [("ca", True)]
    with pytest.raises(BootstrapError) as caught:
        renew(host, "all", now=NOW + timedelta(days=366))
    assert "join again" in caught.value.fix


def test_flags_say_where_the_certificates_are_and_how_long_new_ones_last() -> None:
    host = node(ours=True)
    for path in [path for path in host.entries if path.startswith(f"{names.PKI_DIR}/")]:
        host.entries[path.replace(names.PKI_DIR, "/srv/pki")] = host.entries[path]
    host.mkdir("/srv/pki", 0o755)
    config = b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificateValidityPeriod: 48h\n"
    request = CertsRequest(config, cert_dir="/srv/pki")
    decision = certs.decide_renewal(host, "node", request, ("apiserver",), LATER)

    assert [(each.paths[0], each.ends) for each in decision.result.renewed] == [
        ("/srv/pki/apiserver.crt", LATER + timedelta(days=2))
    ]


def test_a_kubeconfig_that_was_named_has_to_answer() -> None:
    host = node(ours=True)

    with pytest.raises(BootstrapError) as caught:
        certs.check(host, "node", CertsRequest(kubeconfig="/none.conf"))
    assert caught.value.code == Exit.CONFIG


def test_where_no_cluster_is_nothing_is_shown() -> None:
    with pytest.raises(BootstrapError) as caught:
        certs.check(MemoryHost(), "node", CertsRequest())

    assert caught.value.code == Exit.CONFLICT


def test_who_runs_is_restarted() -> None:
    host = node(ours=True)
    host.units[names.KUBELET_SERVICE] = UnitState(active=True, enabled=True, started=0)
    decision = certs.decide_renewal(host, "node", CertsRequest(), ("all",), LATER)

    assert [step.id for step in decision.plan.steps][-6:] == [
        "restart/etcd", "restart/kube-apiserver", "restart/kube-controller-manager", "restart/kube-scheduler",
        "restart/kubelet", "renew/end",
    ]  # fmt: skip


def test_what_a_run_that_died_has_not_brought_to_its_readers_is_due() -> None:
    host = node(ours=True)
    host.write(names.RENEWING, b"apiserver scheduler.conf", 0o600)
    renew(host, "scheduler.conf", now=NOW)
    assert (host.read(names.RENEWING) or b"").split() == [b"apiserver"]

    decision = certs.decide_renewal(host, "node", CertsRequest(), ("all",), NOW, due=True)
    assert [each.name for each in decision.result.renewed] == ["apiserver"]
    certs.renew(host, "node", decision, lambda event: None)
    assert host.read(names.RENEWING) is None
    assert not certs.decide_renewal(host, "node", CertsRequest(), ("all",), NOW, due=True).plan.steps


def test_requests_are_written_whole_or_not_at_all() -> None:
    host = MemoryHost()
    config = (
        b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        b"localAPIEndpoint: {advertiseAddress: 192.0.2.7}\n"
    )
    requests.write(host, requests.make(host, "node", config, "/csr/pki", kubeconfig_dir="/csr"))
    assert {"/csr/pki/apiserver.csr", "/csr/pki/etcd/peer.key", "/csr/admin.conf", "/csr/kubelet.conf.csr"} < set(
        host.entries
    )
    before = dict(host.entries)
    with pytest.raises(BootstrapError) as caught:
        requests.make(host, "node", config, "/csr/pki", "/csr")
    assert caught.value.code == Exit.CONFLICT
    assert host.entries == before
