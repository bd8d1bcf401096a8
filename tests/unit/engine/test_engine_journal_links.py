"""The journal notes what is behind a link, and `reset` puts it back there."""

from __future__ import annotations

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.effects.undo import mounts_below
from bootstrap.engine.journal import begun, read_journal
from bootstrap.model.effects import Directory, Effect, File, Link, Tree, Unmounted
from bootstrap.model.errors import BootstrapError
from bootstrap.model.record import PATH, TREE
from bootstrap.workflows.reset import ResetRequest, act_reset, decide_reset, forget, verify_reset
from tests.memory import Entry, MemoryHost
from tests.unit.engine.fakes import world

THEIRS = {
    "/": Entry("dir", 0o755),
    "/etc": Entry("dir", 0o755),
    "/var": Entry("dir", 0o755),
    "/var/lib": Entry("dir", 0o755),
    "/srv": Entry("dir", 0o755),
    "/srv/file": Entry("file", 0o640, b"theirs", (12, 34)),
    "/srv/full": Entry("dir", 0o755),
    "/srv/full/f": Entry("file", 0o644, b"theirs"),
    "/etc/file": Entry("link", 0o777, b"/srv/file"),
    "/etc/full": Entry("link", 0o777, b"../srv/full"),
    "/etc/new": Entry("link", 0o777, b"/srv/new"),
    "/etc/link": Entry("link", 0o777, b"/srv/file"),
}
EFFECTS: tuple[Effect, ...] = (
    File("/etc/file", b"ours", 0o600),
    Directory("/etc/full", 0o700),
    Tree("/etc/full"),
    File("/etc/full/g", b"ours"),
    Tree("/etc/new/below"),
    Link("/etc/link", "/elsewhere"),
)


def changed() -> MemoryHost:
    host = MemoryHost()
    host.entries = dict(THEIRS)
    for effect in EFFECTS:
        apply_effect(effect, world(host), 1)
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
    host.entries |= {"/dev": Entry("dir", 0o755), "/dev/null": Entry("device", 0o666)}
    host.entries["/etc/a.service"] = Entry("link", 0o777, b"/dev/null")
    with pytest.raises(BootstrapError, match=r"cannot read /etc/a\.service"):
        apply_effect(File("/etc/a.service", b"ours"), world(host), 1)


def test_begun_is_what_was_not_there() -> None:
    assert begun(read_journal(changed())) == {"/etc/full/g", "/srv/new"}


def test_mounts_are_found_below_a_linked_directory() -> None:
    host = MemoryHost()
    host.entries |= {"/data": Entry("dir", 0o755), "/data/kubelet": Entry("dir", 0o755)}
    host.entries["/etc/kubelet"] = Entry("link", 0o777, b"/data/kubelet")
    lines = [f"1 0 0:1 / {point} rw - tmpfs tmpfs rw" for point in ("/", "/data", "/data/kubelet/pods/1", "/etc/x")]
    host.entries["/proc"] = host.entries["/proc/1"] = Entry("dir", 0o755)
    host.entries["/proc/1/mountinfo"] = Entry("file", 0o444, "\n".join(lines).encode())
    assert mounts_below(host, Unmounted("/etc/kubelet", ())) == ["/data/kubelet/pods/1"]
