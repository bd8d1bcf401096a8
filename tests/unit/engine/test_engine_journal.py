"""What is noted before a change: parents first, the first state for ever, and a torn line spoils nothing."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.journal import Journal, read_journal
from bootstrap.engine.records import observe
from bootstrap.host.port import UnitState
from bootstrap.model import names
from bootstrap.model.effects import (
    Directory,
    Effect,
    File,
    KernelModule,
    Link,
    RecordDirectory,
    RecordNetwork,
    RecordState,
    Sysctl,
    UnitRunning,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import (
    ADDRESS,
    FORMAT,
    IMAGES,
    KINDS,
    MODULE,
    NETWORK,
    PATH,
    SYSCTL,
    TREE,
    UNIT,
    Entry,
)
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context


def noted(host: MemoryHost) -> list[tuple[str, str]]:
    return [(entry.kind, entry.name) for entry in read_journal(host)]


def test_the_journals_own_directory_comes_first_and_was_not_there() -> None:
    host = MemoryHost()
    Journal(host, "init").note(SYSCTL, "a.b")

    assert read_journal(host)[0] == Entry(TREE, names.WORK_DIR, None)
    assert host.entries[names.JOURNAL].mode == 0o600


@pytest.mark.parametrize("kind", [PATH, TREE])
def test_missing_parents_are_noted_before_what_is_in_them(kind: str) -> None:
    host = MemoryHost()
    Journal(host, "init").note(kind, "/data/a/b")

    assert noted(host)[1:] == [(PATH, "/data"), (PATH, "/data/a"), (kind, "/data/a/b")]


def test_a_directory_of_the_system_that_is_missing_is_noted_as_any_other() -> None:
    host = MemoryHost()
    Journal(host, "init").note(TREE, "/opt/bootstrap")

    assert noted(host)[1:] == [(PATH, "/opt"), (TREE, "/opt/bootstrap")]


def test_a_directory_that_was_there_is_not_noted() -> None:
    host = MemoryHost()
    Journal(host, "init").note(PATH, "/etc/x")

    assert noted(host)[1:] == [(PATH, "/etc/x")]


def test_the_first_state_wins_over_runs() -> None:
    host = MemoryHost()
    host.write("/etc/x", b"theirs", 0o640, (1, 2))
    Journal(host, "init").note(PATH, "/etc/x")
    host.write("/etc/x", b"ours", 0o600)
    Journal(host, "init").note(PATH, "/etc/x")

    state = {"type": "file", "mode": 0o640, "uid": 1, "gid": 2, "content": b64encode(b"theirs").decode()}
    assert [e for e in read_journal(host) if e.name == "/etc/x"] == [Entry(PATH, "/etc/x", state)]


def test_a_second_run_notes_nothing_again() -> None:
    host = MemoryHost()
    Journal(host, "init").note(PATH, "/etc/x")
    content = host.read(names.JOURNAL)
    Journal(host, "init").note(PATH, "/etc/x")

    assert host.read(names.JOURNAL) == content


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_a_crash_cut_short_is_ignored_and_noted_again(cut: int) -> None:
    host = MemoryHost()
    Journal(host, "init").note(PATH, "/etc/a")
    Journal(host, "init").note(PATH, "/etc/b")
    whole = host.read(names.JOURNAL) or b""
    host.write(names.JOURNAL, whole[: -1 - cut], 0o600)

    assert noted(host)[1:] == [(PATH, "/etc/a")]
    Journal(host, "init").note(PATH, "/etc/b")
    assert noted(host)[1:] == [(PATH, "/etc/a"), (PATH, "/etc/b")]


def test_every_line_is_a_json_object_of_its_own() -> None:
    host = MemoryHost()
    Journal(host, "init").note(PATH, "/etc/a\nb")

    lines = [json.loads(line) for line in (host.read(names.JOURNAL) or b"").splitlines() if line]
    assert [set(line) for line in lines] == [{"format", "version"}, *[{"kind", "name", "before", "verb"}] * 2]


@pytest.mark.parametrize(
    ("effect", "kind", "name"),
    [
        (File("/etc/a", b"1"), PATH, "/etc/a"),
        (Directory("/etc/d"), PATH, "/etc/d"),
        (Link("/etc/l", "a"), PATH, "/etc/l"),
        (RecordDirectory("/etc/t"), TREE, "/etc/t"),
        (UnitRunning("a.service"), UNIT, "a.service"),
        (Sysctl("a.b", "1"), SYSCTL, "a.b"),
        (KernelModule("m", "/sys/module/m"), MODULE, "m"),
        (RecordNetwork(), NETWORK, "links"),
        (RecordState(PATH, "/etc/p"), PATH, "/etc/p"),
    ],
)
def test_each_change_is_in_the_journal_before_it_is_made(effect: Effect, kind: str, name: str) -> None:
    host = MemoryHost()
    apply_effect(effect, context(host), 1)

    assert Entry(kind, name, NOTHING.get(kind)) in read_journal(host)
    changes = [number for number, line in enumerate(host.log) if names.WORK_DIR not in line]
    assert host.log.index(f"append {names.JOURNAL}") < min(changes, default=99)


NOTHING = {UNIT: {"active": False, "enabled": False}}
"""How a kind says that there was nothing, where that is not None."""


def test_each_kind_can_be_observed() -> None:
    host = MemoryHost()
    host.write("/etc/f", b"x", 0o600)
    host.symlink("f", "/etc/l")
    host.units["u.service"] = UnitState(active=True, enabled=False, started=1)
    host.set_sysctl("net.ipv4.ip_forward", "0")
    host.mkdir("/sys/module/overlay", 0o755)
    host.networks |= {"links": ("eth0", "lo"), "addresses": ("eth0 192.0.2.1/24", "eth0 192.0.2.9/32")}
    host.image_ids["unix:///x"] = {"b": "2", "a": "1"}

    found = {
        kind: observe(host, kind, name)
        for kind, name in (
            (PATH, "/etc/l"),
            (TREE, "/etc"),
            (UNIT, "u.service"),
            (SYSCTL, "net.ipv4.ip_forward"),
            (MODULE, "overlay"),
            (NETWORK, "links"),
            (IMAGES, "unix:///x"),
            (ADDRESS, "192.0.2.9"),
        )
    }
    assert found == {
        PATH: {"type": "link", "target": "f"},
        TREE: {"entries": ["f", "l"], "mounted": False},
        UNIT: {"active": True, "enabled": False},
        SYSCTL: {"value": "0"},
        MODULE: {},
        NETWORK: {"names": ["eth0", "lo"]},
        IMAGES: {"names": ["a", "b"]},
        ADDRESS: {"names": ["eth0 192.0.2.9/32"]},
    }
    assert set(found) == set(KINDS)


@pytest.mark.parametrize("kind", [PATH, TREE, SYSCTL, MODULE, NETWORK, IMAGES])
def test_what_is_not_there_is_none(kind: str) -> None:
    assert observe(MemoryHost(), kind, "/none") is None


def test_the_journal_says_which_verb_made_a_change_and_the_first_one_counts() -> None:
    host = MemoryHost()
    Journal(host, "init").note(PATH, "/etc/a")
    Journal(host, "join").note(PATH, "/etc/b")
    Journal(host, "join").note(PATH, "/etc/a")

    assert [(entry.name, entry.verb) for entry in read_journal(host)][1:] == [("/etc/a", "init"), ("/etc/b", "join")]


EARLY = b'{"kind": "path", "name": "/etc/a", "before": null}'


@pytest.mark.parametrize(
    "line",
    [
        EARLY,
        EARLY.replace(b"}", b', "verb": "join", "since": {"run": [1]}}'),
        EARLY.replace(b"}", b', "verb": 7}'),
    ],
)
def test_a_line_is_read_with_more_fields_or_fewer_than_this_version_writes(line: bytes) -> None:
    host = MemoryHost()
    host.mkdir(names.WORK_DIR, 0o755)
    host.append(names.JOURNAL, b"\n" + line + b"\n", 0o600)

    assert read_journal(host) == (Entry(PATH, "/etc/a", None),)
    Journal(host, "init").note(PATH, "/etc/a")
    assert len(read_journal(host)) == 1


@pytest.mark.parametrize(
    "line",
    [
        *(b"[]", b"7", b"null", b'"x"', b"{}", b"\xff\xfe", b"[" * 50_000),
        *(b'{"kind": "path"}', b'{"kind": 1, "name": "x", "before": null}', b'{"kind": "x", "name": "x", "before": 1}'),
    ],
)
def test_a_line_that_is_no_entry_spoils_no_other(line: bytes) -> None:
    host = MemoryHost()
    Journal(host, "init").note(PATH, "/etc/a")
    host.append(names.JOURNAL, b"\n" + line + b"\n", 0o600)
    Journal(host, "init").note(PATH, "/etc/b")

    assert noted(host)[1:] == [(PATH, "/etc/a"), (PATH, "/etc/b")]


def test_a_format_of_a_later_version_is_refused_by_its_name() -> None:
    host = MemoryHost()
    host.mkdir(names.WORK_DIR, 0o755)
    head = {"format": FORMAT + 1, "version": "v9.9.9"}
    host.append(names.JOURNAL, json.dumps(head).encode() + b"\n" + EARLY, 0o600)

    with pytest.raises(BootstrapError) as caught:
        read_journal(host)
    assert caught.value.code == Exit.CONFLICT
    assert "v9.9.9" in caught.value.why
