"""A machine becomes a member of an etcd that others run, one after the other, and nobody's quorum hangs on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.effects.etcd_join import withdraw
from bootstrap.model.effects import EtcdMemberAdded, EtcdMemberPromoted, File
from bootstrap.model.errors import BootstrapError, Exit
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

OWN, OTHER, THIRD = "https://10.0.0.9:2380", "https://10.0.0.1:2380", "https://10.0.0.2:2380"
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
ETCDCTL = ("etcdctl", "--endpoints=https://10.0.0.1:2379")
KUBELET = "kubelet.service"
POD = b"spec:\n  containers:\n  - command: [etcd, '--initial-cluster=others=x,me=https://10.0.0.9:2380']\n"
ADDED = EtcdMemberAdded("me", OWN, "/var/lib/etcd", ETCDCTL, File(MANIFEST, POD, 0o600), "others=x")
PROMOTED = EtcdMemberPromoted(OWN, ETCDCTL, ("etcdctl", "--endpoints=https://127.0.0.1:2379"), "unix:///s")


class Etcd(MemoryHost):
    """Answers etcdctl as an etcd with these members does; `refusals` times it refuses a change first.

    The machine's own member, whose container is c1, is `silent` as often as that.
    """

    def __init__(self, *members: dict[str, Any], refusals: int = 0, silent: int = 0) -> None:
        super().__init__()
        self.silent = silent
        self.members, self.refusals, self.asked = list(members), refusals, list[str]()

    def run(self, argv: Sequence[str], timeout: float = 60, *, keep_stdin: bool = False, here: bool = False) -> str:
        if argv[0] == "crictl":
            self.asked.append(" ".join(argv[3:]))
            return json.dumps({"containers": [{"id": "c1", "createdAt": "1"}]}) if "ps" in argv else ""
        if argv[-2:] == ["endpoint", "status"]:
            self.silent -= 1
            if self.silent >= 0:
                raise BootstrapError("no", code=Exit.EFFECT, details=("context deadline exceeded",))
            return ""
        words = [word for word in argv[argv.index("member") + 1 :] if word not in ("-w", "json")]
        if words[0] == "list":
            return json.dumps({"members": self.members})
        self.asked.append(" ".join(words))
        if self.refusals:
            self.refusals -= 1
            raise BootstrapError("no", code=Exit.EFFECT, details=("etcdserver: too many learner members in cluster",))
        if words[0] == "add":
            self.members.append(member(99, "", words[2].removeprefix("--peer-urls="), learner=True))
        else:
            found = next(m for m in self.members if f"{m['ID']:x}" == words[1])
            self.members.remove(found)
            if words[0] == "promote":
                self.members.append({**found, "isLearner": False})
        return ""


def member(number: int, name: str, url: str, *, learner: bool = False) -> dict[str, Any]:
    return {"ID": number, "name": name, "peerURLs": [url], "isLearner": learner}


def initial_cluster(host: MemoryHost) -> str:
    return (host.read(MANIFEST) or b"").decode().partition("--initial-cluster=")[2].partition("'")[0]


def test_it_is_added_as_a_learner_and_told_whom_it_meets() -> None:
    host = Etcd(member(1, "one", OTHER), member(2, "two", THIRD))

    assert apply_effect(ADDED, context(host), 1) == "etcd member me added"
    assert host.asked == [f"add me --peer-urls={OWN} --learner"]
    assert initial_cluster(host) == f"one={OTHER},two={THIRD},me={OWN}"


def test_an_earlier_run_that_was_killed_is_gone_on_with() -> None:
    host = Etcd(member(1, "one", OTHER), member(99, "", OWN, learner=True))

    apply_effect(ADDED, context(host), 1)
    assert host.asked == []
    assert initial_cluster(host) == f"one={OTHER},me={OWN}"


def test_a_kubelet_that_runs_already_is_put_aside_for_another_static_pod() -> None:
    """It would wait for the end of the Pod of an earlier run, and would not end that before the API server answers."""
    host = Etcd(member(1, "one", OTHER))
    host.start_unit(KUBELET, enable=False, restart=False)
    apply_effect(ADDED, context(host), 1)
    write = f"write {MANIFEST}"
    around = [line for line in host.changes if KUBELET in line or line == write]
    assert around[1:] == [f"stop {KUBELET}", write, f"start {KUBELET}"]

    apply_effect(ADDED, context(host), 1)
    assert [line for line in host.changes if KUBELET in line or line == write] == around


def test_others_that_join_at_the_same_time_come_first() -> None:
    host = Etcd(member(1, "one", OTHER), refusals=2)
    apply_effect(ADDED, context(host), 5)
    assert len(host.asked) == 3

    host = Etcd(member(1, "one", OTHER), member(2, "", THIRD, learner=True))
    with pytest.raises(BootstrapError, match="did not take me as a member") as found:
        apply_effect(ADDED, context(host), 0.1)
    assert (found.value.code, host.asked) == (Exit.WAIT, []) and THIRD in found.value.why
    assert found.value.why.endswith("member remove 2")


def test_a_stale_member_is_replaced_only_if_it_never_started() -> None:
    elsewhere = "https://10.0.0.77:2380"
    never = {**member(5, "", OWN), "peerURLs": [OWN]}
    assert apply_effect(ADDED, context(Etcd(member(1, "one", OTHER), never)), 1)

    host = Etcd(member(1, "one", OTHER), member(5, "me", elsewhere))
    with pytest.raises(BootstrapError, match="has run, and its data is not here") as found:
        apply_effect(ADDED, context(host), 1)
    assert (found.value.code, host.asked) == (Exit.CONFLICT, []) and "etcd/ca.crt" in found.value.fix
    assert "member remove 5;" in found.value.fix


def test_it_gets_its_vote_once_it_has_caught_up() -> None:
    host = Etcd(member(1, "one", OTHER), member(99, "me", OWN, learner=True), refusals=1)

    assert apply_effect(PROMOTED, context(host), 5) == "etcd member me has a vote"
    assert host.asked == ["promote 63", "promote 63"]
    assert apply_effect(PROMOTED, context(host), 5) == ""


@pytest.mark.parametrize(("silent", "done"), [(0, []), (1, ["ps", "stop", "rm"]), (2, ["ps", "stop", "rm"])])
def test_one_that_does_not_answer_is_started_anew_once(silent: int, done: list[str]) -> None:
    """Its name was all that it waited to hear."""
    host = Etcd(member(1, "one", OTHER), member(99, "me", OWN, learner=True), silent=silent)

    assert apply_effect(PROMOTED, context(host), 5) == "etcd member me has a vote"
    assert [line.split()[0] for line in host.asked] == [*done, "promote"]


def test_one_that_stays_silent_gets_no_vote() -> None:
    """Two with a vote of which one is silent would stand still."""
    host = Etcd(member(1, "one", OTHER), member(99, "me", OWN, learner=True), silent=99)

    with pytest.raises(BootstrapError, match="did not get its vote") as found:
        apply_effect(PROMOTED, context(host), 0.5)
    assert "does not answer yet" in found.value.why
    assert [line.split()[0] for line in host.asked] == ["ps", "stop", "rm"]


@pytest.mark.parametrize("there", [(), (member(99, "", OWN, learner=True),)], ids=["not a member", "not started"])
def test_who_has_not_started_gets_none(there: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(BootstrapError, match="did not get its vote"):
        apply_effect(PROMOTED, context(Etcd(member(1, "one", OTHER), *there)), 0.1)


def test_after_a_failure_a_learner_goes_and_a_voter_stays() -> None:
    host = Etcd(member(1, "one", OTHER))
    apply_effect(ADDED, context(host), 1)
    host.mkdir("/var/lib/etcd/member", 0o700)
    withdraw(host, ADDED)
    assert [m["name"] for m in host.members] == ["one"]
    assert host.stat(MANIFEST) is None and host.stat("/var/lib/etcd/member") is None

    voting = Etcd(member(1, "one", OTHER), member(99, "me", OWN))
    withdraw(voting, ADDED)
    assert voting.asked == []
