"""What an upgrade keeps, exchanges and puts back, each compared with what is there first."""

from __future__ import annotations

import json

import pytest

from bootstrap.engine.effects import apply_effect, describe
from bootstrap.engine.effects.backups import backups
from bootstrap.engine.wait import observe
from bootstrap.host.port import UnitState
from bootstrap.model import names
from bootstrap.model.backup import Backup
from bootstrap.model.conditions import StaticPodShown
from bootstrap.model.effects import BackedUp, File, LeaseFreed, StaticPodsReplaced
from bootstrap.model.errors import BootstrapError
from bootstrap.model.upgrade_effects import BackupMarked, EtcdDowngraded, EtcdSnapshotTaken, FilesRestored
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi
from tests.unit.engine.fakes import context
from tests.unit.workflows.etcd_machine import EtcdMachine

CRICTL = "crictl --runtime-endpoint=unix:///s --timeout=60s"
LIST = f"{CRICTL} pods --output=json --state=ready --label=io.kubernetes.pod.namespace=kube-system"
BACKUP = Backup("upgrade-1", "v1", "v2", "2030-01-01T00:00:00Z")
ETCD, API = (File(f"/m/{name}.yaml", name.encode(), 0o600) for name in ("etcd", "kube-apiserver"))
EXCHANGE = StaticPodsReplaced((ETCD, API), "unix:///s")


class Machine(MemoryHost):
    """Its static Pods run since `made`; what is installed comes from itself."""

    def __init__(self, made: float = 0.5) -> None:
        super().__init__()
        self.mkdir("/m", 0o755)
        self.units[names.KUBELET_SERVICE] = UnitState(active=True, enabled=True, started=0)
        self.pods(made)
        for name in ("etcd", "kube-apiserver"):
            self.outputs[f"{CRICTL} ps --quiet --pod={name}"] = f"c-{name}\n"

    def pods(self, made: float) -> None:
        items = [
            {
                "id": name,
                "metadata": {"name": f"{name}-node"},
                "createdAt": str(int(made * 1e9)),
                "annotations": {"kubernetes.io/config.source": source, "kubernetes.io/config.hash": f"hash of {name}"},
            }
            for name, source in (("etcd", "file"), ("kube-apiserver", "file"), ("kube-apiserver", "api"))
        ]
        self.outputs[LIST] = json.dumps({"items": items})

    def install(self, source: str, path: str, mode: int) -> None:
        self.write(path, self.read(source) or b"", mode)

    def said(self) -> list[str]:
        """What was asked of the runtime and of systemd, in order, but for looks."""
        return [line.removeprefix(f"{CRICTL} ") for line in self.log if " stop" in line or line.startswith("stop")]


def test_pods_are_exchanged_with_the_kubelet_aside_who_is_asked_by_others_last() -> None:
    host = Machine()

    assert apply_effect(EXCHANGE, context(host), 1) == "etcd, kube-apiserver replaced"
    assert host.read("/m/etcd.yaml") == b"etcd"
    assert not host.unit(names.KUBELET_SERVICE).active
    ended = [line for line in host.said() if line.startswith("stopp ")]
    assert ended == ["stopp kube-apiserver", "stopp etcd"]


def test_pods_of_these_manifests_stay_and_so_does_the_kubelet() -> None:
    host = Machine(made=100)
    for pod in (ETCD, API):
        host.write(pod.path, pod.content, pod.mode)

    assert apply_effect(EXCHANGE, context(host), 1) == ""
    assert host.unit(names.KUBELET_SERVICE).active
    assert host.said() == []


def test_a_run_that_died_after_the_manifests_ends_the_pods_of_before() -> None:
    host = Machine(made=0.5)
    for pod in (ETCD, API):
        host.write(pod.path, pod.content, pod.mode)

    assert apply_effect(EXCHANGE, context(host), 1) == "etcd, kube-apiserver replaced"
    assert [line for line in host.said() if line.startswith("stopp ")] == ["stopp kube-apiserver", "stopp etcd"]


def test_a_runtime_that_has_ended_has_no_pods() -> None:
    host = Machine()
    host.outputs[LIST] = "no JSON"

    assert apply_effect(EXCHANGE, context(host), 1) == "etcd, kube-apiserver replaced"
    host.image_ids["unix:///s"] = {}
    with pytest.raises(BootstrapError, match="does not say which Pods it has"):
        apply_effect(EXCHANGE, context(host), 1)


@pytest.mark.parametrize(
    ("shown", "said"),
    [("hash of etcd", ""), ("other", "the API shows another one"), (None, "the API shows another one")],
)
def test_the_mirror_is_of_what_runs(shown: str | None, said: str) -> None:
    api = MemoryApi()
    if shown:
        metadata = {
            "name": "etcd-node",
            "namespace": "kube-system",
            "annotations": {"kubernetes.io/config.hash": shown},
        }
        api.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})

    assert observe(StaticPodShown("etcd", "node", "unix:///s"), context(Machine(), api)) == said
    assert observe(StaticPodShown("etcd", "other", "unix:///s"), context(Machine(), api)) == "it does not run yet"


@pytest.mark.parametrize("owner", [(0, 0), (0, 5), (6, 7)])
def test_what_is_kept_is_put_back_and_what_was_not_there_goes(owner: tuple[int, int]) -> None:
    host = Machine()
    host.write("/m/old", b"old", 0o640, owner)
    run = context(host)
    same = File("/m/same", b"same", 0o600)
    host.write(same.path, same.content, same.mode)
    kept = BackedUp(BACKUP, (File("/m/old", b"newer", 0o600), File("/m/new", b"new", 0o600), same))
    assert apply_effect(kept, run, 1) == f"2 files kept in {BACKUP.directory}"
    host.write("/m/old", b"newer", 0o600)
    host.write("/m/new", b"new", 0o600)
    assert apply_effect(kept, run, 1) == ""  # a run that goes on keeps what was there first

    found = backups(host)[0]
    assert found.files == {"/m/old": 0o640, "/m/new": None}
    restored = FilesRestored(found, tuple(found.files))
    assert "/m/old, /m/new" in describe(restored, host)
    assert apply_effect(restored, run, 1) == "2 files as before"
    assert (host.read("/m/old"), host.read("/m/new")) == (b"old", None)
    there = host.stat("/m/old")
    assert there and (there.mode, there.uid, there.gid) == (0o640, *owner)
    assert apply_effect(restored, run, 1) == ""


def test_few_backups_stay_and_each_says_what_became_of_it() -> None:
    host = Machine()
    run = context(host)
    for number in range(names.BACKUPS_KEPT + 2):
        backup = Backup(f"upgrade-{number}", "v1", "v2", "")
        apply_effect(BackedUp(backup, ()), run, 1)
        apply_effect(BackupMarked(backup, "done"), run, 1)

    assert [(b.name, b.state) for b in backups(host)] == [(f"upgrade-{n}", "done") for n in (4, 3, 2)]
    assert host.listdir(names.BACKUPS_DIR) == ("upgrade-2", "upgrade-3", "upgrade-4")
    assert apply_effect(BackupMarked(backups(host)[0], "done"), run, 1) == ""
    host.write(f"{names.BACKUPS_DIR}/upgrade-4/note.json", b"torn", 0o600)
    assert [b.name for b in backups(host)] == ["upgrade-3", "upgrade-2"]


def test_a_snapshot_is_taken_once() -> None:
    host = EtcdMachine()
    effect = EtcdSnapshotTaken("/b/etcd.db")

    assert apply_effect(effect, context(host), 1).startswith("/b/etcd.db: revision")
    assert apply_effect(effect, context(host), 1) == ""


class Etcd(EtcdMachine):
    """One whose data is of `storage`."""

    storage = "3.7.0"

    def run(self, argv, timeout=60, *, here=False):  # type: ignore[no-untyped-def]
        if "endpoint" in argv and not self.fails:
            return json.dumps([{"Status": {"storageVersion": self.storage}}])
        if "downgrade" in argv and not self.fails:
            self.said.append(list(argv[-3:]))
            self.storage = f"{argv[-1]}.0"
            return ""
        return super().run(argv, timeout, here=here)


def test_etcd_is_asked_to_write_for_an_older_one_as_long_as_it_answers() -> None:
    host = Etcd()

    assert apply_effect(EtcdDowngraded("3.7"), context(host), 1) == ""
    assert apply_effect(EtcdDowngraded("3.6"), context(host), 1) == "etcd's data is of 3.6"
    assert host.said == [["downgrade", "enable", "3.6"]]
    assert apply_effect(EtcdDowngraded("3.6"), context(host), 1) == ""
    host.fails = {"endpoint"}
    assert apply_effect(EtcdDowngraded("3.5"), context(host), 1) == ""


@pytest.mark.parametrize(("renewed", "freed"), [("2030-01-01T00:00:00Z", True), ("2030-01-01T00:00:20Z", False)])
def test_the_lease_of_a_leader_that_was_exchanged_is_freed(renewed: str, freed: bool) -> None:
    api, host = MemoryApi(), Machine(made=1893456010.0)  # 10 s later
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    metadata = {"name": "etcd", "namespace": "kube-system"}
    api.create({**lease, "metadata": metadata, "spec": {"holderIdentity": "node_1", "renewTime": renewed}})

    said = apply_effect(LeaseFreed("etcd", "node", 0, "unix:///s"), context(host, api), 1)
    assert bool(said) is freed
