"""What CNI keeps for everybody on a machine: only what our Pods left goes, others' things stay and are listed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap.engine.effects import apply_effect, describe
from bootstrap.engine.effects.shared_trees import ADDRESSES, FLANNEL, RESULTS
from bootstrap.engine.verify import compare
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import TREE, Entry
from bootstrap.model.reset_effects import Restored
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

NETWORKS = (names.POD_NETWORK,)


def result(network: str, container: str, *namespaces: str) -> bytes:
    """As libcni caches it."""
    interfaces = [{"name": "eth0", "sandbox": f"/var/run/netns/{name}"} for name in namespaces]
    cached: dict[str, Any] = {"kind": "cniCacheV1", "networkName": network, "containerId": container}
    return json.dumps(cached | {"result": {"interfaces": [{"name": "cni0"}, *interfaces]}}).encode()


def machine() -> MemoryHost:
    """A runtime was killed with two Pods; podman has a container, and somebody a network namespace."""
    host = MemoryHost()
    files = {
        f"{RESULTS}/cbr0-abc-eth0": result("cbr0", "abc", "cni-1"),
        f"{RESULTS}/cni-loopback-abc-lo": result("cni-loopback", "abc"),
        f"{RESULTS}/cbr0-def-eth0": result("cbr0", "def", "cni-2"),
        f"{RESULTS}/podman-f00-eth0": result("podman", "f00", "cni-3"),
        f"{RESULTS}/cni-loopback-f00-lo": result("cni-loopback", "f00"),
        f"{RESULTS}/torn": b'{"networkName": "cbr0"',
        f"{ADDRESSES}/cbr0/10.244.0.2": b"abc",
        f"{ADDRESSES}/podman/10.88.0.2": b"f00",
        f"{FLANNEL}/abc": b"{}",
        **{f"{names.NETNS_DIR}/{name}": b"" for name in ("cni-1", "cni-2", "cni-3", "theirs")},
    }
    for path, content in files.items():
        host.mkdir(path.rpartition("/")[0], 0o755)
        host.write(path, content, 0o600)
    host.log.clear()
    return host


def undone(host: MemoryHost, *entries: Entry) -> list[str]:
    return [apply_effect(Restored(entry, networks=NETWORKS), context(host), 1) for entry in entries]


NETNS, STATE = Entry(TREE, names.NETNS_DIR, None), Entry(TREE, names.CNI_STATE, None)


def test_what_our_pods_left_goes_and_what_is_others_stays() -> None:
    host = machine()
    said = undone(host, NETNS, STATE)

    assert said == [f"{entry.name} without what was ours" for entry in (NETNS, STATE)]
    assert host.listdir(names.NETNS_DIR) == ("cni-3", "theirs")
    assert host.listdir(RESULTS) == ("cni-loopback-f00-lo", "podman-f00-eth0", "torn")
    assert host.listdir(ADDRESSES) == ("podman",)
    assert not host.stat(FLANNEL)
    assert undone(host, NETNS, STATE) == ["", ""]


def test_a_namespace_is_unmounted_before_its_name_goes() -> None:
    host = machine()
    undone(host, NETNS)

    changes = [line for line in host.changes if "cni-1" in line]
    assert changes == [f"unmount {names.NETNS_DIR}/cni-1", f"remove_tree {names.NETNS_DIR}/cni-1"]


def test_a_namespace_that_is_in_use_stays_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = machine()
    remove = host.remove_tree

    def busy(path: str) -> None:
        if path.endswith("cni-1"):
            raise BootstrapError("Device or resource busy", code=Exit.EFFECT)
        remove(path)

    monkeypatch.setattr(host, "remove_tree", busy)
    undone(host, NETNS)
    assert host.listdir(names.NETNS_DIR) == ("cni-1", "cni-3", "theirs")
    assert [line for line in compare(host, [NETNS]).others if line.startswith(f"{names.NETNS_DIR}/cni-1 ")]


def test_what_others_have_there_is_listed_and_no_failure() -> None:
    host = machine()
    undone(host, NETNS, STATE)
    found = compare(host, [NETNS, STATE])

    assert found.left == []
    for path in (f"{names.NETNS_DIR}/theirs", f"{ADDRESSES}/podman", f"{RESULTS}/podman-f00-eth0"):
        assert [line for line in found.others if line.startswith(path)]


def test_directories_that_are_empty_without_ours_go_if_they_were_not_there() -> None:
    host = MemoryHost()
    for path in (RESULTS, f"{ADDRESSES}/cbr0", FLANNEL, names.NETNS_DIR):
        host.mkdir(path, 0o755)
    undone(host, NETNS, STATE)

    assert not host.stat(names.CNI_STATE)
    assert not host.stat(names.NETNS_DIR)
    found = compare(host, [NETNS, STATE])
    assert (found.left, found.others) == ([], [])


@pytest.mark.parametrize("before", ["networks", "flannel", "results"])
def test_what_was_there_before_us_stays_whatever_it_is_called(before: str) -> None:
    host = machine()
    undone(host, Entry(TREE, names.CNI_STATE, {"entries": [before]}))
    inside = {"networks": ADDRESSES, "flannel": FLANNEL, "results": RESULTS}[before]

    then = machine()
    assert host.listdir(inside) == then.listdir(inside)


def test_a_name_that_begins_like_one_that_was_there_is_not_taken_for_it() -> None:
    host = machine()
    undone(host, Entry(TREE, names.NETNS_DIR, {"entries": ["cni-", "cni"]}))

    assert host.listdir(names.NETNS_DIR) == ("cni-3", "theirs")


def test_a_dry_run_names_what_would_go() -> None:
    said = describe(Restored(NETNS, networks=NETWORKS), machine())

    assert said == "remove what our Pods left in /run/netns: /run/netns/cni-1, /run/netns/cni-2"
