"""A member leaves an etcd of several before its data goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.host.facts.etcd_members import LIMITS
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.reset_effects import EtcdMemberGone
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

GONE = EtcdMemberGone(("https://127.0.0.1:2379",), "https://10.0.0.1:2380", "/var/lib/etcd", ("etcdctl", "--cert=/c"))
LIST = " ".join((*GONE.etcdctl, "--endpoints=https://127.0.0.1:2379", *LIMITS, "member list -w json"))


def machine(*addresses: str, host: MemoryHost | None = None) -> MemoryHost:
    """Its etcd has members at these addresses, the first one with id 255."""
    host = host or MemoryHost()
    host.mkdir("/var/lib/etcd/member", 0o700)
    members = [
        {"ID": 255 + n, "name": a, "peerURLs": [f"https://{a}:2380"], "clientURLs": [f"https://{a}:2379"]}
        for n, a in enumerate(addresses)
    ]
    host.outputs[LIST] = json.dumps({"members": members})
    return host


class Refusing(MemoryHost):
    """Commands with this word fail."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        if self.word in argv:
            raise BootstrapError("no", code=Exit.EFFECT, details=("etcdserver: unhealthy cluster",))
        return super().run(argv, timeout, here=here)


def test_the_others_are_told_to_go_on_without_it() -> None:
    host = machine("10.0.0.1", "10.0.0.2", "10.0.0.3")

    assert apply_effect(GONE, context(host), 1) == "etcd member ff removed, 2 left"
    others = "https://10.0.0.2:2379,https://10.0.0.3:2379"
    assert host.log[-1] == " ".join((*GONE.etcdctl, *LIMITS, f"--endpoints={others}", "member remove ff"))


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("10.0.0.2", "10.0.0.3")], ids=["the last one", "a stranger"])
def test_others_stay(addresses: tuple[str, ...]) -> None:
    host = machine(*addresses)

    assert apply_effect(GONE, context(host), 1) == ""
    assert host.log[-1] == LIST


def test_without_data_only_a_member_that_has_never_run_goes() -> None:
    host = machine("10.0.0.1", "10.0.0.2")
    host.remove_tree("/var/lib/etcd/member")
    assert apply_effect(GONE, context(host), 1) == ""
    assert host.log[-1] == LIST

    host.outputs[LIST] = host.outputs[LIST].replace('"name": "10.0.0.1"', '"name": ""')
    assert apply_effect(GONE, context(host), 1) == "etcd member ff removed, 1 left"


def test_without_data_an_etcd_that_is_silent_is_nothing_to_tell() -> None:
    assert apply_effect(GONE, context(Refusing("list")), 1) == ""


def test_an_etcd_that_does_not_answer_stops_nothing_and_that_is_said() -> None:
    host = machine("10.0.0.1", "10.0.0.2", host=Refusing("list"))

    assert "did not answer" in apply_effect(GONE, context(host), 1)


def test_an_etcd_that_keeps_its_member_stops_the_reset() -> None:
    host = machine("10.0.0.1", "10.0.0.2", host=Refusing("remove"))

    with pytest.raises(BootstrapError, match="does not let its member ff go") as caught:
        apply_effect(GONE, context(host), 1)
    assert caught.value.code == Exit.EFFECT
    assert caught.value.details == ("etcdserver: unhealthy cluster",)
    assert "--break-quorum" in caught.value.fix


def test_where_the_cluster_is_given_up_an_etcd_that_keeps_its_member_is_only_said() -> None:
    host = machine("10.0.0.1", "10.0.0.2", host=Refusing("remove"))

    assert "unhealthy cluster" in apply_effect(replace(GONE, required=False), context(host), 1)
