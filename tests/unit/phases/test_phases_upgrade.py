"""The plan of an upgrade, and of the way back: what is kept comes first, what runs is exchanged in one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.join import joining
from bootstrap.model import names
from bootstrap.model.backup import Backup
from bootstrap.model.cluster import BootstrapConfig, ClusterSpec
from bootstrap.model.conditions import NodeReady
from bootstrap.model.effects import (
    BackedUp,
    File,
    ImagePresent,
    ImagesImported,
    Install,
    LeaseFreed,
    StaticPodsReplaced,
    UnitRunning,
)
from bootstrap.model.plan import Plan, Step
from bootstrap.model.upgrade_effects import BackupMarked, EtcdDowngraded, FilesRestored
from bootstrap.phases.control_plane import ETCD_ADDED, ETCD_PROMOTED
from bootstrap.phases.exchange import EXCHANGED
from bootstrap.phases.inputs import ControlPlaneInputs, EtcdJoin, NodeInputs
from bootstrap.phases.join import JoinInputs, join_control_plane_plan, join_plan
from bootstrap.phases.naming import OF_UPGRADE
from bootstrap.phases.rollback import rollback_plan
from bootstrap.phases.select import without
from bootstrap.phases.upgrade import (
    BACKUP,
    DONE,
    DRAINED,
    IMAGES,
    SHOWN,
    SNAPSHOT,
    UNCORDONED,
    UpgradeInputs,
    upgrade_plan,
)
from bootstrap.render.controlplane.static_pods import pods
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.renewal import Renewed
from tests.golden.rendered import GUEST_HOST, NOW, FixedKeySource, manifests
from tests.plans import new_inputs, planned

CFG = resolve(Documents(), Overrides(), GUEST_HOST)
MINOR = Backup("upgrade-1", "v1.36.3+bootstrap.1", "v1.37.0+bootstrap.1", "2030-01-01T00:00:00Z")
GIVEN = UpgradeInputs(MINOR, (), CFG.node.cri_socket, "http://127.0.0.1:2381/health", etcd_runs=True)
ALL = ("etcd", *names.CONTROL_PLANE)


def plan(given: UpgradeInputs = GIVEN, **values: object) -> Plan:
    inputs = new_inputs(replace(CFG, **values), GUEST_HOST, FixedKeySource(), NOW, manifests())  # type: ignore[arg-type]
    return upgrade_plan(planned(inputs), inputs[0], given)


def step(found: Plan, name: str) -> Step:
    return next(s for s in found.steps if s.id == name)


def before(found: Plan, name: str) -> set[str]:
    """Everything that is done before a step."""
    own = step(found, name).after
    return {*own, *(earlier for each in own for earlier in before(found, each))}


def written(steps: Iterable[Step]) -> set[str]:
    return {e.path for s in steps for e in s.effects if isinstance(e, File | Install)}


def exchanged(found: Plan) -> list[str]:
    effect = next(e for e in step(found, EXCHANGED).effects if isinstance(e, StaticPodsReplaced))
    return [pod.path.rpartition("/")[2].removesuffix(".yaml") for pod in effect.pods]


def test_nothing_is_changed_before_the_images_are_there_and_the_old_is_kept() -> None:
    found = plan()

    assert step(found, IMAGES).after == ()
    others = [s.id for s in found.steps if s.id not in (IMAGES, BACKUP, SNAPSHOT)]
    assert [s for s in others if not {IMAGES, BACKUP, SNAPSHOT} <= before(found, s)] == []


def test_every_file_that_is_replaced_is_kept_but_certificates() -> None:
    found = plan()
    kept = next({c.path for c in e.changes} for e in step(found, BACKUP).effects if isinstance(e, BackedUp))
    replaced = {path for path in written(s for s in found.steps if s.id != DONE) if "/pki/" not in path}
    conf = {
        f"{names.KUBERNETES_DIR}/{n}.conf"
        for n in ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")
    }

    assert replaced - conf <= kept
    assert {f"{names.MANIFESTS_DIR}/{name}.yaml" for name in ALL} | {names.STATE_CONFIG} <= kept
    assert not any("/pki/" in path or path in conf for path in kept)


def test_all_that_runs_is_exchanged_in_one_moment_before_the_kubelet_starts() -> None:
    found = plan()

    assert exchanged(found) == list(ALL)
    assert not written(found.steps) & {f"{names.MANIFESTS_DIR}/{name}.yaml" for name in ALL}
    assert {"host/binaries", "runtime", "kubelet-start/config", "certs/apiserver"} <= before(found, EXCHANGED)
    assert "kubelet-start" not in before(found, EXCHANGED)
    assert EXCHANGED in before(found, "kubelet-start")
    assert EXCHANGED in before(found, "addon/kube-proxy")


def test_the_state_of_the_next_run_comes_last() -> None:
    found = plan()

    assert [s.id for s in found.steps if names.STATE_CONFIG in written([s])] == [DONE]
    assert before(found, DONE) == {s.id for s in found.steps} - {DONE}
    assert BackupMarked(MINOR, "done") in step(found, DONE).effects


def test_what_is_renewed_is_written_over_what_is_kept() -> None:
    path = f"{names.PKI_DIR}/apiserver.crt"
    found = plan(replace(GIVEN, renewed=(Renewed("apiserver", (File(path, b"new"),), NOW),)))

    assert [s.id for s in found.steps if path in written([s])] == ["certs/apiserver", "upgrade/certs"]
    assert "certs/apiserver" in before(found, "upgrade/certs")
    assert "upgrade/certs" in before(found, EXCHANGED)


def test_without_etcd_upgrade_its_manifest_stays() -> None:
    assert exchanged(plan(replace(GIVEN, etcd=False))) == list(names.CONTROL_PLANE)


def test_no_snapshot_is_asked_of_an_etcd_that_does_not_run() -> None:
    assert SNAPSHOT not in {s.id for s in plan(replace(GIVEN, etcd_runs=False)).steps}


@pytest.mark.parametrize(("policy", "pulled"), [("IfNotPresent", True), ("Always", True), ("Never", False)])
def test_images_of_others_are_brought_in_unless_that_is_forbidden(policy: str, pulled: bool) -> None:
    upstream = replace(CFG.cluster, image_repository=names.UPSTREAM_REPOSITORY, kubernetes_version="v1.37.0")
    effects = step(plan(replace(GIVEN, policy=policy), cluster=upstream), IMAGES).effects

    assert ImagesImported(CFG.node.cri_socket) in effects
    found = {e.image for e in effects if isinstance(e, ImagePresent)}
    assert (f"{names.UPSTREAM_REPOSITORY}/kube-apiserver:v1.37.0" in found) is pulled
    assert [e for e in step(plan(), IMAGES).effects if isinstance(e, ImagePresent)] == []


@pytest.mark.parametrize("serial", [True, False])
def test_images_come_side_by_side_where_that_is_asked_for(serial: bool) -> None:
    upstream = replace(CFG.cluster, image_repository=names.UPSTREAM_REPOSITORY, kubernetes_version="v1.37.0")
    found = plan(replace(GIVEN, serial=serial), cluster=upstream)
    pulls = [
        s.id for s in found.steps for e in s.effects if isinstance(e, ImagePresent) and not s.id.startswith("images/")
    ]

    assert len(set(pulls)) == (1 if serial else len(pulls))
    assert len(pulls) > 5
    assert set(pulls) <= before(found, BACKUP)
    assert all(s.after == () for s in found.steps if s.id in pulls)


def test_who_led_before_keeps_nobody_waiting() -> None:
    freed = [e for s in plan().steps for e in s.effects if isinstance(e, LeaseFreed)]

    assert {e.socket for e in freed} == {CFG.node.cri_socket}


@pytest.mark.parametrize(
    ("phase", "gone", "stays"),
    [
        ("control-plane", EXCHANGED, "kubelet-start"),
        ("upload-config", "upload-config/kubeadm", "bootstrap-token"),
        ("upload-config/kubelet", "upload-config/kubelet", "upload-config/kubeadm"),
        ("kubelet-config", "kubelet-start/config", EXCHANGED),
        ("bootstrap-token", "bootstrap-token", "upload-config/kubeadm"),
        ("addon/coredns", "addon/coredns", "addon/kube-proxy"),
        ("post-upgrade", "", EXCHANGED),
    ],
)
def test_phases_of_kubeadm_can_be_left_out(phase: str, gone: str, stays: str) -> None:
    found = plan()
    left = {s.id for s in without(found.steps, (phase,), written(found.steps), OF_UPGRADE)}

    assert (gone in left, stays in left) == (False, True)


@pytest.mark.parametrize("drain", [None, 60.0])
def test_pods_leave_before_anything_changes_and_come_again_before_any_is_waited_for(drain: float | None) -> None:
    found = plan(replace(GIVEN, drain=drain))

    assert (DRAINED in {s.id for s in found.steps}) is (drain is not None)
    if drain is not None:
        assert step(found, DRAINED).timeout == drain
        assert {BACKUP, SNAPSHOT} <= before(found, DRAINED)
        assert {DRAINED} <= before(found, "record") & before(found, EXCHANGED) & before(found, "upgrade/certs")
    assert {"kubelet-start", "node-ready", SHOWN} <= before(found, UNCORDONED)
    assert UNCORDONED not in before(found, "addon/coredns/wait")


WORKER = joining(Documents(), ClusterSpec(), BootstrapConfig(), "192.0.2.10:6443", GUEST_HOST)
PLANE = joining(
    Documents({"JoinConfiguration": {"controlPlane": {}}}),
    ClusterSpec(),
    BootstrapConfig(),
    "192.0.2.10:6443",
    GUEST_HOST,
)


def joined(*, addons: bool = False) -> Plan:
    """That of a further control plane."""
    pki = issue_pki(PLANE, {}, FixedKeySource(), NOW)
    inputs = NodeInputs(PLANE, GUEST_HOST, b"state", (), {}, wait="dns" if addons else "node")
    met = {PLANE.node.name: "https://192.0.2.20:2380", "first": "https://192.0.2.10:2380"}
    control_plane = ControlPlaneInputs(pki, joins=EtcdJoin((), ("etcdctl",), met, voted=True))
    whole = join_control_plane_plan(inputs, control_plane, manifests(), addons=addons)
    return upgrade_plan(whole, inputs, replace(GIVEN, etcd_runs=False))


def test_a_further_control_plane_exchanges_its_static_pods_too() -> None:
    found = joined()

    assert exchanged(found) == list(ALL)
    assert not written(found.steps) & {f"{names.MANIFESTS_DIR}/{name}.yaml" for name in ALL}
    assert EXCHANGED in before(found, "kubelet-start") & before(found, ETCD_PROMOTED)
    assert {"host/binaries", "kubelet-start/config", "certs/apiserver", ETCD_ADDED} <= before(found, EXCHANGED)
    assert not {s.id for s in found.steps if s.id.startswith(("upload-config", "addon/coredns"))}


def test_the_last_control_plane_brings_the_add_ons() -> None:
    found = joined(addons=True)

    assert {"addon/kube-proxy", "addon/coredns", "addon/flannel"} <= {s.id for s in found.steps}
    assert EXCHANGED in before(found, "addon/kube-proxy")


def worker() -> tuple[Plan, NodeInputs]:
    inputs = NodeInputs(WORKER, GUEST_HOST, b"state", (), {})
    return join_plan(
        inputs, JoinInputs(File("/etc/kubernetes/pki/ca.crt", b"ca", once=True), None), manifests()
    ), inputs


def test_a_worker_has_nothing_to_exchange_but_its_kubelet() -> None:
    whole, inputs = worker()
    found = upgrade_plan(whole, inputs, replace(GIVEN, etcd_health="", etcd_runs=False))

    assert not {EXCHANGED, SHOWN, "upgrade/certs", SNAPSHOT} & {s.id for s in found.steps}
    assert {"host/binaries", "kubelet-start/config", IMAGES, BACKUP} <= before(found, "kubelet-start")
    uses = next(e.uses for e in step(found, "kubelet-start").effects if isinstance(e, UnitRunning))
    assert "/opt/bootstrap/bin/kubelet" in uses
    assert [w.version for w in step(found, "node-ready").waits if isinstance(w, NodeReady)] == [names.BUILT_VERSION]
    assert before(found, DONE) == {s.id for s in found.steps} - {DONE}


def test_the_way_back_of_a_worker_is_its_files_and_its_kubelet() -> None:
    whole, _ = worker()
    kept = replace(MINOR, files={"/opt/bootstrap/bin/kubelet": 0o755})
    found = rollback_plan(whole, WORKER, kept, (), "")

    assert EXCHANGED not in {s.id for s in found.steps}
    assert "rollback/files" in before(found, "kubelet-start")
    assert [w.version for w in step(found, "node-ready").waits if isinstance(w, NodeReady)] == [MINOR.before]
    assert {"kubelet-start", "node-ready"} <= before(found, "rollback/uncordon")
    assert [e.paths for e in step(found, "rollback/done").effects if isinstance(e, FilesRestored)] == [()]


def back(backup: Backup) -> Plan:
    inputs = new_inputs(CFG, GUEST_HOST, FixedKeySource(), NOW, manifests())
    files = tuple(File(f"{names.MANIFESTS_DIR}/{name}.yaml", b"old", 0o600) for name in pods(CFG, GUEST_HOST, {}))
    whole = replace(
        backup, files={f.path: 0o600 for f in files} | {names.STATE_CONFIG: 0o600, "/opt/bootstrap/bin/kubelet": 0o755}
    )
    return rollback_plan(planned(inputs), CFG, whole, files, "http://127.0.0.1:2381/health")


def test_the_way_back_puts_files_and_manifests_back_and_the_state_last() -> None:
    found = back(MINOR)
    restored = {s.id: e.paths for s in found.steps for e in s.effects if isinstance(e, FilesRestored)}

    assert restored == {"rollback/files": ("/opt/bootstrap/bin/kubelet",), "rollback/done": (names.STATE_CONFIG,)}
    assert exchanged(found) == list(ALL)
    assert "rollback/files" in before(found, EXCHANGED)
    assert EXCHANGED in before(found, "kubelet-start")
    assert before(found, "rollback/done") == {s.id for s in found.steps} - {"rollback/done"}
    assert written(found.steps) & set(restored["rollback/files"]) == set()


@pytest.mark.parametrize(("before_", "asked"), [("v1.36.3+bootstrap.1", ["3.6"]), ("v1.37.0+bootstrap.0", [])])
def test_etcd_is_asked_to_write_for_an_older_one_only(before_: str, asked: list[str]) -> None:
    found = back(replace(MINOR, before=before_))

    assert [e.minor for s in found.steps for e in s.effects if isinstance(e, EtcdDowngraded)] == asked
