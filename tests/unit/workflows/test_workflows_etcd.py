"""Snapshots and other data for etcd: nothing half, nothing foreign, nothing lost."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from bootstrap.engine.etcd_snapshot import save
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.encryption import Encryption
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.snapshot import noted
from bootstrap.render.controlplane.encryption import configuration
from bootstrap.render.controlplane.key_rotation import rotation
from bootstrap.workflows.etcd import restore as restoring
from bootstrap.workflows.etcd.defrag import defragment
from bootstrap.workflows.etcd.restore import Restoration, decide_recovery, decide_restore, restore
from bootstrap.workflows.etcd.snapshots import checked, listed, scheduled
from tests.unit.workflows.etcd_machine import DATA, NOW, SELF, EtcdMachine

BEFORE = f"{DATA}/before-20260102-030405"
WELL, ILL = (200, "ok"), (503, "not ready")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> EtcdMachine:
    monkeypatch.setattr(restoring, "TIMEOUT", 0.01)
    monkeypatch.setattr(restoring, "ELECTION", 0.01)
    monkeypatch.setattr(restoring, "probe", lambda url: WELL)
    return EtcdMachine()


def refusal(host: EtcdMachine, path: str, *, any_cluster: bool = False) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        checked(host, path, any_cluster=any_cluster)
    return caught.value


def test_a_snapshot_has_a_note_and_its_name_when_it_is_whole(host: EtcdMachine) -> None:
    made = save(host, "/b/s.db", NOW)

    assert host.listdir("/b") == ("s.db", "s.db.json")
    assert noted(host.read("/b/s.db.json") or b"") == made
    assert (made.revision, made.keys, made.hash, made.version, made.taken) == (
        42, 7, "ff", "3.7.0", "2026-01-02T03:04:05Z"
    )  # fmt: skip
    assert made.cluster.startswith("sha256:")
    assert listed(host, "/b") == (("/b/s.db", made),)
    assert checked(host, "/b/s.db", any_cluster=False) == made


@pytest.mark.parametrize("word", ["save", "status", "mv"])
def test_one_that_cannot_be_verified_leaves_no_file_of_that_name(host: EtcdMachine, word: str) -> None:
    host.fails.add(word)

    with pytest.raises(BootstrapError):
        save(host, "/b/s.db", NOW)
    assert "s.db" not in host.listdir("/b")
    assert listed(host, "/b") == ()


def test_a_file_that_is_there_stays(host: EtcdMachine) -> None:
    save(host, "/b/s.db", NOW)
    before = host.entries["/b/s.db"]

    with pytest.raises(BootstrapError) as caught:
        save(host, "/b/s.db", NOW)
    assert caught.value.code == Exit.CONFLICT
    assert host.entries["/b/s.db"] == before


@pytest.mark.parametrize("place", range(11))
def test_damage_at_any_place_is_refused(host: EtcdMachine, place: int) -> None:
    save(host, "/b/s.db", NOW)
    content = bytearray(host.read("/b/s.db") or b"")
    assert len(content) == 11
    content[place] ^= 1
    host.write("/b/s.db", bytes(content), 0o600)

    for any_cluster in (False, True):
        error = refusal(host, "/b/s.db", any_cluster=any_cluster)
        assert (error.code, "it is damaged" in error.what) == (Exit.IMAGE, True)


def test_one_of_another_cluster_or_without_a_note_is_refused(host: EtcdMachine) -> None:
    made = save(host, "/b/s.db", NOW)
    host.write("/b/s.db.json", dataclasses.replace(made, cluster="sha256:" + "0" * 64).to_json(), 0o600)
    assert "it is of another cluster" in refusal(host, "/b/s.db").what
    assert checked(host, "/b/s.db", any_cluster=True)

    for note in (b"{}", b"[", b'{"cluster": 1}'):
        host.write("/b/s.db.json", note, 0o600)
        assert "no note" in refusal(host, "/b/s.db").what
    assert checked(host, "/b/s.db", any_cluster=True) is None
    host.fails.add("status")
    assert "no snapshot that etcd can read" in refusal(host, "/b/s.db", any_cluster=True).what


def prepared(host: EtcdMachine) -> Restoration:
    save(host, "/b/s.db", NOW)
    return decide_restore(host, "/b/s.db", "", any_cluster=False)


def test_the_new_data_is_there_and_the_old_is_kept(host: EtcdMachine) -> None:
    assert restore(host, prepared(host), NOW, lambda line: None) == BEFORE

    assert host.data == b"new"
    assert host.read(f"{BEFORE}/member/snap/db") == b"old"
    assert host.listdir(DATA) == ("before-20260102-030405", "member")
    (words,) = [words for words in host.said if words[:2] == ["snapshot", "restore"]]
    assert {f"--initial-cluster={SELF}", "--name=node", "--initial-advertise-peer-urls=https://192.0.2.1:2380",
            "--mark-compacted"} < set(words)  # fmt: skip
    changes = [line for line in host.changes if line.startswith(("stop", "start", "mv"))][-4:]
    assert [line.split()[0] for line in changes] == ["stop", "mv", "mv", "start"]


@pytest.mark.parametrize(
    ("pod", "container", "owner"),
    [
        ({}, {}, None),
        ({"runAsUser": 0}, {}, None),
        ({"runAsUser": 379, "runAsGroup": 380}, {}, "379:380"),
        ({"runAsUser": 379}, {}, "379:0"),
        ({"runAsUser": 1}, {"runAsUser": 379}, "379:0"),
    ],
)
@pytest.mark.parametrize("quorum", [True, False])
def test_new_data_is_of_the_user_that_etcd_runs_as(
    host: EtcdMachine,
    monkeypatch: pytest.MonkeyPatch,
    pod: dict[str, int],
    container: dict[str, int],
    owner: str | None,
    quorum: bool,
) -> None:
    path = f"{names.MANIFESTS_DIR}/etcd.yaml"
    manifest: Any = parse_one(host.read(path) or b"")
    manifest["spec"]["securityContext"].update(pod)
    manifest["spec"]["containers"][0]["securityContext"] = container
    host.write(path, to_yaml(manifest).encode(), 0o600)
    if quorum:
        what = prepared(host)
    else:
        monkeypatch.setattr(restoring, "probe", lambda url: ILL)
        what = decide_recovery(host, NOW)
        monkeypatch.setattr(restoring, "probe", lambda url: WELL)
    restore(host, what, NOW, lambda line: None)

    given = [line for line in host.changes if line.startswith(("chown", "mv --exchange"))]
    chown = [f"chown -R -h {owner} {DATA}/unpacking"] if owner else []
    assert given[: len(chown)] == chown
    assert [line.split()[0] for line in given[len(chown) :]] == ["mv"], "before it has its name"


@pytest.mark.parametrize("word", ["restore", "mv"])
def test_what_fails_before_the_exchange_leaves_the_old_data(host: EtcdMachine, word: str) -> None:
    what = prepared(host)
    host.fails.add(word)

    with pytest.raises(BootstrapError):
        restore(host, what, NOW, lambda line: None)
    assert host.data == b"old"
    assert host.unit(names.KUBELET_SERVICE).active


def test_a_snapshot_that_etcd_refuses_stops_nothing(host: EtcdMachine) -> None:
    what = prepared(host)
    host.fails.add("restore")
    host.log.clear()

    with pytest.raises(BootstrapError) as caught:
        restore(host, what, NOW, lambda line: None)
    assert caught.value.code == Exit.IMAGE
    assert not [line for line in host.log if line.startswith("stop")]
    assert host.listdir(DATA) == ("member",)


def test_old_data_goes_back_when_etcd_does_not_come_up(host: EtcdMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    what = prepared(host)
    monkeypatch.setattr(restoring, "probe", lambda url: ILL)

    with pytest.raises(BootstrapError) as caught:
        restore(host, what, NOW, lambda line: None)
    assert caught.value.code == Exit.WAIT
    assert "the data from before is back" in caught.value.what
    assert host.data == b"old"
    assert host.listdir(DATA) == ("member",)
    assert host.unit(names.KUBELET_SERVICE).active


def test_a_member_that_lost_its_data_gets_some(host: EtcdMachine) -> None:
    what = prepared(host)
    host.remove_tree(f"{DATA}/member")

    assert restore(host, what, NOW, lambda line: None) == ""
    assert host.data == b"new"
    assert host.listdir(DATA) == ("member",)


def test_a_run_that_died_takes_nothing_away_from_the_next(host: EtcdMachine) -> None:
    """Killed after the exchange: what has the kept name may be the old data."""
    what = prepared(host)
    host.mkdir(f"{DATA}/unpacking/member", 0o700)
    host.mkdir(f"{BEFORE}/member", 0o700)
    host.write(f"{BEFORE}/member/old", b"old", 0o600)

    assert restore(host, what, NOW + timedelta(seconds=1), lambda line: None)
    assert host.read(f"{BEFORE}/member/old") == b"old"
    assert "unpacking" not in host.listdir(DATA)


def test_several_members_are_restored_together_or_not_at_all(host: EtcdMachine) -> None:
    host.members.append(("b", "https://192.0.2.2:2380"))
    save(host, "/b/s.db", NOW)
    with pytest.raises(BootstrapError) as caught:
        decide_restore(host, "/b/s.db", "", any_cluster=False)
    assert caught.value.code == Exit.CONFLICT
    everyone = f"b=https://192.0.2.2:2380,{SELF}"
    assert f"--initial-cluster {everyone}" in caught.value.fix

    what = decide_restore(host, "/b/s.db", everyone, any_cluster=False)
    assert what.cluster == everyone
    assert what.flags[0].startswith("--initial-cluster-token=restored-"), "or the old members would be taken for new"
    with pytest.raises(BootstrapError) as caught:
        decide_restore(host, "/b/s.db", "b=https://192.0.2.2:2380", any_cluster=False)
    assert caught.value.code == Exit.USAGE


def test_a_member_without_a_quorum_goes_on_alone(host: EtcdMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BootstrapError) as caught:
        decide_recovery(host, NOW)
    assert caught.value.code == Exit.CONFLICT
    monkeypatch.setattr(restoring, "probe", lambda url: ILL)
    what = decide_recovery(host, NOW)
    monkeypatch.setattr(restoring, "probe", lambda url: WELL)
    restore(host, what, NOW, lambda line: None)

    (words,) = [words for words in host.said if words[:2] == ["snapshot", "restore"]]
    assert words[2] == f"{DATA}/member/snap/db"
    assert {"--skip-hash-check=true", f"--initial-cluster={SELF}"} < set(words)
    assert host.data == b"new"


@pytest.mark.parametrize(("alarm", "freed"), [("", False), ("memberID:1 alarm:NOSPACE", True)])
def test_space_is_given_back_and_a_full_etcd_writes_again(host: EtcdMachine, alarm: str, freed: bool) -> None:
    host.alarm = alarm

    assert defragment(host).freed == freed
    did = [words for words in host.said if words[0] in ("compact", "defrag") or words[-1] == "disarm"]
    assert did == ([["compact", "42"], ["defrag"], ["alarm", "disarm"]] if freed else [["defrag"]])


def test_a_machine_without_a_member_is_named() -> None:
    host = EtcdMachine()
    host.remove(f"{names.MANIFESTS_DIR}/etcd.yaml")

    with pytest.raises(BootstrapError) as caught:
        save(host, "/b/s.db", NOW)
    assert caught.value.code == Exit.CONFLICT


def test_of_those_that_a_timer_takes_the_newest_stay_and_others_are_left(host: EtcdMachine) -> None:
    folder = names.SNAPSHOTS_DIR
    save(host, f"{folder}/etcd-mine.db", NOW)
    taken = [scheduled(host, NOW + timedelta(days=day), 2)[0] for day in range(4)]

    assert taken[0] == f"{folder}/scheduled-20260102-030405.db"
    assert [path for path, note in listed(host, folder) if note] == [f"{folder}/etcd-mine.db", *taken[2:]]
    assert len(host.listdir(folder)) == 6
    host.fails = {"snapshot"}
    with pytest.raises(BootstrapError):
        scheduled(host, NOW + timedelta(days=5), 1)
    assert len(host.listdir(folder)) == 6


def test_a_snapshot_is_not_put_back_without_the_key_that_reads_its_secrets(host: EtcdMachine) -> None:
    save(host, "/b/s.db", NOW)
    path = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    manifest = (host.read(path) or b"").replace(
        b"- kube-apiserver\n", b"- kube-apiserver\n    - --encryption-provider-config=/etc/k/e.yaml\n"
    )
    host.write(path, manifest, 0o600)

    with pytest.raises(BootstrapError) as caught:
        decide_restore(host, "/b/s.db", "", any_cluster=False)
    assert (caught.value.code, "/etc/k/e.yaml" in caught.value.what) == (Exit.CONFLICT, True)
    host.mkdir("/etc/k", 0o700)
    host.write("/etc/k/e.yaml", b"key", 0o600)
    assert decide_restore(host, "/b/s.db", "", any_cluster=False).source == "/b/s.db"


def test_a_snapshot_from_before_another_key_is_not_put_back_without_the_old_one(host: EtcdMachine) -> None:
    first = rotation(configuration(Encryption("secretbox"), b"a" * 32), "Yg==")
    assert first
    host.mkdir(names.ENCRYPTION_DIR, 0o700)
    host.write(names.ENCRYPTION_CONFIG, first.texts[0], 0o600)
    assert save(host, "/b/s.db", NOW).encrypted == "key1"

    host.write(names.ENCRYPTION_CONFIG, first.texts[3], 0o600)
    with pytest.raises(BootstrapError) as caught:
        decide_restore(host, "/b/s.db", "", any_cluster=False)
    assert (caught.value.code, "has no key1" in caught.value.what) == (Exit.CONFLICT, True)
    host.write(names.ENCRYPTION_CONFIG, first.texts[2], 0o600)
    assert decide_restore(host, "/b/s.db", "", any_cluster=False).source == "/b/s.db"


def test_a_note_of_an_earlier_version_says_nothing_of_keys(host: EtcdMachine) -> None:
    made = save(host, "/b/s.db", NOW)
    said = json.loads(made.to_json())
    del said["encrypted"]

    assert noted(json.dumps(said).encode()) == made
