"""The journal notes what is behind a link, and `reset` puts it back there."""

from __future__ import annotations

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.effects.trees import mounts_below
from bootstrap.engine.journal import begun, read_journal, sweep
from bootstrap.model import names
from bootstrap.model.effects import Directory, Effect, File, Link, RecordDirectory
from bootstrap.model.errors import BootstrapError
from bootstrap.model.journal_entry import PATH, TREE, Entry
from bootstrap.model.reset_effects import Unmounted
from bootstrap.workflows.reset import ResetRequest, act_reset, decide_reset, forget, verify_reset
from tests.memory import Entry as There
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

THEIRS = {
    "/": There("dir", 0o755),
    "/etc": There("dir", 0o755),
    "/var": There("dir", 0o755),
    "/var/lib": There("dir", 0o755),
    "/srv": There("dir", 0o755),
    "/srv/file": There("file", 0o640, b"theirs", (12, 34)),
    "/srv/full": There("dir", 0o755),
    "/srv/full/f": There("file", 0o644, b"theirs"),
    "/etc/file": There("link", 0o777, b"/srv/file"),
    "/etc/full": There("link", 0o777, b"../srv/full"),
    "/etc/new": There("link", 0o777, b"/srv/new"),
    "/etc/link": There("link", 0o777, b"/srv/file"),
}
EFFECTS: tuple[Effect, ...] = (
    File("/etc/file", b"ours", 0o600),
    Directory("/etc/full", 0o700),
    RecordDirectory("/etc/full"),
    File("/etc/full/g", b"ours"),
    RecordDirectory("/etc/new/below"),
    Link("/etc/link", "/elsewhere"),
)


def changed() -> MemoryHost:
    host = MemoryHost()
    host.entries = dict(THEIRS)
    for effect in EFFECTS:
        apply_effect(effect, context(host), 1)
    return host


def test_what_is_behind_a_link_is_noted() -> None:
    noted = [(entry.kind, entry.name) for entry in read_journal(changed())]
    assert noted[1:] == [
        (PATH, "/srv/file"),
        (PATH, "/srv/full"),
        (TREE, "/srv/full"),
        (PATH, "/etc/full/g"),
        (PATH, "/srv/new"),
        (TREE, "/etc/new/below"),
        (PATH, "/etc/link"),
    ]


def test_reset_gives_back_what_was_behind_links() -> None:
    host = changed()
    decision = decide_reset(host, "host", ResetRequest())
    assert act_reset(host, decision, lambda event: None)
    assert verify_reset(host).left == []
    forget(host)
    assert {path: (e.kind, e.mode, e.content, e.owner) for path, e in host.entries.items()} == {
        path: (e.kind, e.mode, e.content, e.owner) for path, e in THEIRS.items()
    }


def test_a_masked_unit_is_named_by_its_own_path() -> None:
    host = MemoryHost()
    host.entries |= {"/dev": There("dir", 0o755), "/dev/null": There("device", 0o666)}
    host.entries["/etc/a.service"] = There("link", 0o777, b"/dev/null")
    with pytest.raises(BootstrapError, match=r"cannot read /etc/a\.service"):
        apply_effect(File("/etc/a.service", b"ours"), context(host), 1)


@pytest.mark.parametrize("left", [None, b"", b'\n{"kind": "tr'])
def test_a_place_for_notes_that_a_killed_run_left_counts_as_not_there(left: bytes | None) -> None:
    host = MemoryHost()
    host.mkdir(names.WORK_DIR, 0o755)
    if left is not None:
        host.append(names.JOURNAL, left, 0o600)
    apply_effect(File("/etc/a", b"ours"), context(host), 1)
    assert read_journal(host)[0] == Entry(TREE, names.WORK_DIR, None)


def test_a_journal_that_cannot_be_read_is_not_thrown_away() -> None:
    host = MemoryHost()
    host.mkdir(names.WORK_DIR, 0o755)
    host.append(names.JOURNAL, b"\n{damaged}\n{damaged}\n", 0o600)
    sweep(host)
    assert host.stat(names.JOURNAL)


def test_begun_is_what_was_not_there() -> None:
    assert begun(read_journal(changed())) == {"/etc/full/g", "/srv/new"}


def test_mounts_are_found_below_a_linked_directory() -> None:
    host = MemoryHost()
    host.entries |= {"/data": There("dir", 0o755), "/data/kubelet": There("dir", 0o755)}
    host.entries["/etc/kubelet"] = There("link", 0o777, b"/data/kubelet")
    lines = [f"1 0 0:1 / {point} rw - tmpfs tmpfs rw" for point in ("/", "/data", "/data/kubelet/pods/1", "/etc/x")]
    host.entries["/proc"] = host.entries["/proc/1"] = There("dir", 0o755)
    host.entries["/proc/1/mountinfo"] = There("file", 0o444, "\n".join(lines).encode())
    assert mounts_below(host, Unmounted("/etc/kubelet", ())) == ["/data/kubelet/pods/1"]
