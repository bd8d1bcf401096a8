"""After a reset: what is left of us fails, what others changed meanwhile is only told."""

from __future__ import annotations

import pytest

from bootstrap.engine.verify import compare
from bootstrap.host.port import UnitState
from bootstrap.model import names
from bootstrap.model.journal_entry import MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT, Entry
from bootstrap.model.reset_effects import ContainersGone
from bootstrap.phases.reset import reset_plan
from tests.memory import MemoryHost


def machine() -> MemoryHost:
    host = MemoryHost()
    host.mkdir(names.WORK_DIR, 0o755)
    host.write(names.JOURNAL, b"", 0o600)
    host.write("/etc/file", b"x", 0o600)
    host.mkdir("/etc/tree", 0o755)
    host.write("/etc/tree/file", b"", 0o600)
    host.units["u.service"] = UnitState(active=True, enabled=True, started=1)
    host.set_sysctl("a.b", "1")
    host.mkdir("/sys/module/m", 0o755)
    host.networks = {"links": ("cni0", "eth0", "tun7")}
    return host


FILE = {"type": "file", "mode": 0o600, "uid": 0, "gid": 0, "content": "eA=="}


@pytest.mark.parametrize(
    "entry",
    [
        Entry(PATH, "/etc/file", FILE),
        Entry(PATH, "/etc/none", None),
        Entry(TREE, "/etc/tree", {"entries": ["file"]}),
        Entry(TREE, "/etc/no-tree", None),
        Entry(TREE, names.WORK_DIR, None),
        Entry(UNIT, "u.service", {"active": True, "enabled": True}),
        Entry(SYSCTL, "a.b", {"value": "1"}),
        Entry(SYSCTL, "a.b", None),
        Entry(MODULE, "m", {}),
        Entry(NETWORK, "links", {"names": ["cni0", "eth0", "tun7"]}),
    ],
)
def test_what_is_as_it_was_is_no_difference(entry: Entry) -> None:
    found = compare(machine(), [entry])
    assert (found.left, found.others) == ([], [])


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        (Entry(PATH, "/etc/file", FILE | {"mode": 0o644}), "/etc/file"),
        (Entry(PATH, "/etc/file", None), "/etc/file"),
        (Entry(PATH, "/etc/none", FILE), "/etc/none"),
        (Entry(TREE, "/etc/tree", {"entries": []}), "/etc/tree/file"),
        (Entry(TREE, "/etc/tree", None), "/etc/tree"),
        (Entry(UNIT, "u.service", {"active": False, "enabled": False}), "unit u.service is not as it was"),
        (Entry(SYSCTL, "a.b", {"value": "0"}), "sysctl a.b is not as it was"),
        (Entry(NETWORK, "links", {"names": ["eth0", "tun7"]}), "links: cni0"),
    ],
)
def test_what_is_left_of_us_or_was_not_put_back_fails(entry: Entry, left: str) -> None:
    found = compare(machine(), [entry])
    assert (found.left, found.others) == ([left], [])


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry(MODULE, "m", None), "module m stays loaded: others may use it by now"),
        (Entry(NETWORK, "links", {"names": ["cni0", "eth0"]}), "links: tun7"),
        (Entry(PATH, "/etc/tree", None), "/etc/tree was made by us and holds files of others by now"),
        (Entry(TREE, "/etc/tree", {"entries": ["file", "gone"]}), "/etc/tree/gone is not there any more"),
    ],
)
def test_what_others_did_meanwhile_is_told_and_does_not_fail(entry: Entry, says: str) -> None:
    found = compare(machine(), [entry])
    assert (found.left, found.others) == ([], [says])


def test_a_mount_that_was_not_there_is_left_of_us() -> None:
    host = machine()
    host.mkdir("/proc/1", 0o755)
    host.write("/proc/1/mountinfo", b"1 0 0:1 / /etc/tree rw - tmpfs tmpfs rw\n", 0o444)

    entry = Entry(TREE, "/etc/tree", {"entries": ["file"], "mounted": False})
    assert compare(host, [entry]).left == ["/etc/tree is mounted"]


def test_anything_beside_the_journal_in_its_directory_is_left_of_us() -> None:
    host = machine()
    host.mkdir(f"{names.WORK_DIR}/containerd", 0o755)

    assert compare(host, [Entry(TREE, names.WORK_DIR, None)]).left == [f"{names.WORK_DIR}/containerd"]


@pytest.mark.parametrize(
    "entry",
    [
        Entry("user", "etcd", {"uid": 7}),
        Entry(PATH, "/etc/file", {"type": "socket"}),
        Entry(PATH, "/etc/file", {"type": "file", "mode": 0o600, "uid": 0, "gid": 0}),
        Entry(PATH, "/etc/file", FILE | {"content": "%"}),
        Entry(UNIT, "u.service", {"active": True}),
        Entry(TREE, "/etc/tree", {"entries": None}),
        Entry(NETWORK, "links", {}),
    ],
)
def test_what_only_another_version_can_read_is_named_and_not_touched(entry: Entry) -> None:
    host = machine()

    assert [line for line in compare(host, [entry]).left if entry.name in line]
    assert reset_plan((entry,), ContainersGone("unix:///x")).steps == reset_plan((), ContainersGone("unix:///x")).steps


@pytest.mark.parametrize("before", [None, {"entries": ["of-others"]}])
def test_what_others_made_in_a_tree_of_ours_goes_with_it(before: dict[str, list[str]] | None) -> None:
    """The kubelet's link to its certificate, which a renewal replaces."""
    link = {"type": "link", "target": "kubelet-client-2026.pem"}
    found = compare(machine(), [Entry(TREE, "/etc/no-tree", before), Entry(PATH, "/etc/no-tree/pki/current.pem", link)])
    assert found.left == []


def test_what_others_had_in_a_tree_before_us_stays() -> None:
    link = {"type": "link", "target": "theirs"}
    found = compare(machine(), [Entry(TREE, "/etc/tree", {"entries": ["a"]}), Entry(PATH, "/etc/tree/a", link)])
    assert "/etc/tree/a" in found.left
