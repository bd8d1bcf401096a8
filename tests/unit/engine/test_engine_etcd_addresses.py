"""The members of an etcd find each other again, whatever addresses their machines have by now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.engine.effects import apply_effect, etcd_addresses
from bootstrap.engine.run_context import RunOver
from bootstrap.host import etcd_peers
from bootstrap.model.effects import EtcdAddresses, KeyPair
from bootstrap.model.errors import BootstrapError, Exit
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

PAIR = KeyPair("ca.crt", "peer.crt", "peer.key")


def url(number: int) -> str:
    return f"https://10.0.0.{number}:2380"


def effect(number: int, *, searches: bool = True) -> EtcdAddresses:
    """This machine's member is m1, at this address now."""
    return EtcdAddresses("m1", (url(number),), "https://127.0.0.1:2379", ("etcdctl",), PAIR, searches)


class Etcd(MemoryHost):
    """m1, m2, … known by `known`, and really at `places`; a quorum needs more than half to be found from here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, known: Sequence[int], places: Sequence[int]) -> None:
        super().__init__()
        self.urls = {f"m{i}": url(number) for i, number in enumerate(known, 1)}
        self.places = {f"m{i}": f"10.0.0.{number}" for i, number in enumerate(places, 1) if number}
        self.learner, self.rules, self.asked, self.looked = "", "", list[str](), set[str]()
        monkeypatch.setattr(etcd_peers, "known_members", lambda host, pair, at: self.members("id"))
        monkeypatch.setattr(etcd_peers, "who_answers", self.answering)

    def members(self, key: str) -> list[dict[str, Any]]:
        return [
            {key: i, "name": name, "peerURLs": [at], "clientURLs": [at[:-1] + "9"], "isLearner": name == self.learner}
            for i, (name, at) in enumerate(self.urls.items(), 1)
        ]

    def answering(self, host: object, pair: object, addresses: Iterable[str], port: int) -> dict[str, str]:
        wanted = set(addresses)
        self.looked |= wanted
        return {name: address for name, address in self.places.items() if address in wanted}

    def connected(self) -> bool:
        led = {name for name, at in self.places.items() if f"dnat ip to {at}\n" in self.rules}
        right = {name for name, at in self.places.items() if self.urls[name] == f"https://{at}:2380"}
        return len({"m1"} | led | right) * 2 > len(self.urls)

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        if argv[0] == "nft":
            self.rules = argv[1]
        if argv[0] != "etcdctl":
            return ""
        if not self.connected():
            raise BootstrapError("no", code=Exit.EFFECT, details=("context deadline exceeded",))
        if "list" in argv:
            return json.dumps({"members": self.members("ID")})
        self.asked.append(" ".join(argv[3:]))
        number, wanted = int(argv[-2], 16), argv[-1].removeprefix("--peer-urls=")
        name = f"m{number}"
        if wanted in {at for other, at in self.urls.items() if other != name}:
            raise BootstrapError("no", code=Exit.EFFECT, details=("Peer URLs already exists",))
        self.urls[name] = wanted
        return ""


def test_the_only_member_gets_its_new_address(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Etcd(monkeypatch, [1], [2])

    assert apply_effect(effect(2), context(host), 1) == "etcd member m1 is known by its address"
    assert host.urls == {"m1": url(2)}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_nobody_moved_nothing_is_told(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    host = Etcd(monkeypatch, range(1, count + 1), range(1, count + 1))

    assert apply_effect(effect(1), context(host), 1) == ""
    assert host.asked == [] and "dnat" not in host.rules


@pytest.mark.parametrize(
    "places", [(4, 2, 3), (4, 5, 6), (2, 3, 1), (2, 1, 3), (3, 9, 2)], ids=["one", "all", "circle", "two", "both"]
)
def test_members_that_moved_are_found_and_known(monkeypatch: pytest.MonkeyPatch, places: tuple[int, ...]) -> None:
    host = Etcd(monkeypatch, (1, 2, 3), places)

    assert apply_effect(effect(places[0]), context(host), 5)
    assert list(host.urls.values()) == [url(number) for number in places]
    assert "dnat" not in host.rules, "what led them is gone again"


def test_one_machine_after_the_other_tells_etcd(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one does it for all that it finds; the next one does it where that one is gone."""
    host = Etcd(monkeypatch, (1, 2, 3), (2, 1, 3))
    second = replace(effect(1), name="m2")
    monkeypatch.setattr(etcd_addresses, "PATIENCE", 10**6)
    with pytest.raises(BootstrapError, match="find each other") as found:
        apply_effect(second, context(host), 0.5)
    assert "m1 is about to" in found.value.why and host.asked == []

    monkeypatch.setattr(etcd_addresses, "PATIENCE", 1)
    apply_effect(second, context(host), 5)
    assert list(host.urls.values()) == [url(2), url(1), url(3)]


def test_a_quorum_is_enough_and_nobody_is_looked_for_then(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Etcd(monkeypatch, (1, 2, 3), (4, 2, 0))

    assert apply_effect(effect(4), context(host), 1) == "etcd member m1 is known by its address"
    assert host.looked == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}


def test_a_member_that_is_gone_does_not_keep_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Etcd(monkeypatch, (1, 2, 3), (3, 2, 0))

    apply_effect(effect(3), context(host), 1)
    assert list(host.urls.values()) == [url(3), url(2), "https://3.invalid:2380"]
    assert apply_effect(effect(3), context(host), 1) == ""
    assert not [place for place in host.looked if "invalid" in place]


def test_without_a_quorum_it_says_who_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Etcd(monkeypatch, (1, 2, 3), (4, 0, 0))

    with pytest.raises(BootstrapError, match="did not find each other") as found:
        apply_effect(effect(4), context(host), 0.3)
    assert found.value.code == Exit.WAIT
    assert "m2 at 10.0.0.2, m3 at 10.0.0.3" in found.value.why and "other members" in found.value.fix
    assert "10.0.0.20" in host.looked


def test_on_a_host_nobody_is_looked_for_and_nothing_is_led(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Etcd(monkeypatch, (1, 2, 3), (4, 5, 6))

    with pytest.raises(BootstrapError, match="did not find each other"):
        apply_effect(effect(4, searches=False), context(host), 0.3)
    assert host.looked <= {"10.0.0.1", "10.0.0.2", "10.0.0.3"} and host.rules == ""


def test_a_learner_has_others_told(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Etcd(monkeypatch, (1, 2, 3), (4, 2, 3))
    host.learner = "m1"

    apply_effect(effect(4), context(host), 1)
    assert host.asked == ["--endpoints=https://10.0.0.2:2389 member update 1 --peer-urls=https://10.0.0.4:2380"]


def test_an_etcd_that_does_not_answer_is_waited_for_no_longer_than_the_run_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = context(MemoryHost())

    def refuse(*args: object) -> None:
        subject.over.set()
        raise ConnectionError("connection refused")

    monkeypatch.setattr(etcd_peers, "known_members", refuse)
    with pytest.raises(RunOver):
        apply_effect(effect(1), subject, 3600)
