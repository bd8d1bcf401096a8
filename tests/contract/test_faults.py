"""Full disks, no inodes, read-only mounts, death at any moment: the old file or the new one, and one clear error."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError, Exit
from tests.contract.subjects import Live

Change = Callable[[Host], object]
CHANGES: dict[str, Change] = {
    "write": lambda host: host.write("/small/f", b"x" * 300_000, 0o600),
    "append": lambda host: host.append("/small/log", b"x" * 300_000, 0o600),
    "install": lambda host: host.install("/bin/bash", "/small/f", 0o755),
}


def small(live: Live, options: str) -> None:
    live.directory("/small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=755,{options}", "tmpfs", live.root / "small"], check=True)
    live.file("/small/f", b"old")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_full_disk_keeps_the_old_file_and_nothing_else(live: Live, change: Change) -> None:
    small(live, "size=100k")

    with pytest.raises(BootstrapError) as caught:
        change(live.host)

    assert caught.value.code == Exit.EFFECT
    assert "No space left" in caught.value.what
    assert "df -h /small" in caught.value.fix
    assert set(live.host.listdir("/small")) <= {"f", "log"}
    assert live.host.read("/small/f") == b"old"
    live.host.write("/small/f", b"new", 0o600)


MAKERS: dict[str, Change] = {
    "write": lambda host: host.write("/small/f", b"new", 0o600),
    "mkdir": lambda host: host.mkdir("/small/d", 0o755),
    "symlink": lambda host: host.symlink("x", "/small/l"),
}


@pytest.mark.parametrize("change", MAKERS.values(), ids=MAKERS)
def test_a_disk_without_inodes_is_told_from_a_full_one(live: Live, change: Change) -> None:
    small(live, "nr_inodes=2")

    with pytest.raises(BootstrapError) as caught:
        change(live.host)

    assert "no inodes left" in caught.value.why
    assert "df -i /small" in caught.value.fix
    assert live.host.listdir("/small") == ("f",)
    assert live.host.read("/small/f") == b"old"


REMOVERS: dict[str, Change] = {
    "remove": lambda host: host.remove("/small/f"),
    "remove_tree": lambda host: host.remove_tree("/small/f"),
    "lock": lambda host: host.lock("/small/lock").__enter__(),
    "sysctl": lambda host: host.set_sysctl("small", "1"),
}


@pytest.mark.parametrize("change", [*MAKERS.values(), *REMOVERS.values()], ids=[*MAKERS, *REMOVERS])
def test_a_read_only_mount_is_named_and_nothing_changes(live: Live, change: Change) -> None:
    small(live, "size=100k")
    live.directory("/proc/sys")
    live.link("/proc/sys/small", "/small/f")
    subprocess.run(["mount", "-o", "remount,ro", live.root / "small"], check=True)

    with pytest.raises(BootstrapError) as caught:
        change(live.host)

    assert caught.value.code == Exit.EFFECT
    assert caught.value.why == "the filesystem is mounted read-only"
    assert "findmnt -T" in caught.value.fix
    assert live.host.listdir("/small") == ("f",)


CALLS = ("open", "fsync", "fchmod", "fchown", "rename", "symlink", "unlink", "mkdir", "rmdir")
"""The functions of `os` through which the host's files change (writing to an open file changes a temporary one)."""
LEFTOVER = re.compile(r"\.f\.[0-9a-f]{8}\.tmp")
NEW = b"new" * 100_000


def killed_at_every_call(change: Callable[[], object], check: Callable[[], None]) -> int:
    """Do something in a child that is killed before its first call, then after it, then before the second, and so on.

    Returns how many times it was killed before it got through.
    """
    for moment in range(1000):
        child = os.fork()
        if not child:
            _die_at(moment)
            change()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        check()
        if not os.WIFSIGNALED(status):
            assert status == 0
            return moment
    raise AssertionError("it never ends")


def _die_at(moment: int) -> None:
    left = [moment]

    def maybe_die() -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            maybe_die()
            result = call(*args, **kwargs)
            maybe_die()
            return result

        return run

    for name in CALLS:
        setattr(os, name, watched(getattr(os, name)))


REPLACED: dict[str, tuple[Callable[[Live], object], tuple[object, ...]]] = {
    "write": (lambda live: live.host.write("/d/f", NEW, 0o600), ("file", 0o600, (0, 0), NEW)),
    "install": (lambda live: live.host.install(str(live.top / "source"), "/d/f", 0o755), ("file", 0o755, (0, 0), NEW)),
    "symlink": (lambda live: live.host.symlink("target", "/d/f"), ("link", 0o777, (0, 0), b"target")),
}


@pytest.mark.parametrize(("change", "new"), REPLACED.values(), ids=REPLACED)
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(
    live: Live, change: Callable[[Live], object], new: tuple[object, ...]
) -> None:
    live.directory("/d")
    live.file("/d/f", b"old")
    (live.top / "source").write_bytes(NEW)
    old, seen, most = ("file", 0o644, (0, 0), b"old"), set(), [0]

    def check() -> None:
        found = live.snapshot()
        assert found["/d/f"] in (old, new)
        seen.add(found["/d/f"])
        names = [name.removeprefix("/d/") for name in found if name.startswith("/d/") and name != "/d/f"]
        assert all(LEFTOVER.fullmatch(name) for name in names), "only names with a leading dot are left"
        most[0] = max(most[0], len(names))

    assert killed_at_every_call(lambda: change(live), check) >= 10

    assert seen == {old, new}
    assert most[0] == 1, "the next change of that name removes what the last one left"
    assert live.host.listdir("/d") == ("f",)


def test_what_a_killed_change_left_can_be_removed_alone(live: Live) -> None:
    live.directory("/d")
    live.file("/d/f", b"old")
    live.file("/d/.f.tmp")
    killed_at_every_call(lambda: live.host.write("/d/f", b"old", 0o644), lambda: None)
    live.file("/d/.f.0123abcd.tmp", b"half")
    live.file("/d/.g.0123abcd.tmp", b"half")

    live.link("/d/l", "/none/f")
    live.file("/d/.l.0123abcd.tmp")

    live.host.tidy("/d/f")
    live.host.tidy("/d/l")
    live.host.tidy("/none/f")

    assert live.host.listdir("/d") == (".f.tmp", ".g.0123abcd.tmp", "f", "l")


def test_a_directory_that_a_killed_run_left_is_never_too_open(live: Live) -> None:
    def check() -> None:
        for name in ("/a", "/a/b"):
            entry = live.snapshot().get(name)
            assert entry is None or entry[1] in (0o700, 0o755 if name == "/a" else 0o750)

    assert killed_at_every_call(lambda: live.host.mkdir("/a/b", 0o750), check) >= 5

    assert live.snapshot()["/a/b"] == ("dir", 0o750, (0, 0), b"")


def test_a_killed_removal_is_finished_by_the_next(live: Live) -> None:
    live.directory("/home")
    live.file("/home/thesis")
    for number in range(3):
        live.directory(f"/k/{number}/sub")
        live.file(f"/k/{number}/sub/f")
        live.link(f"/k/{number}/home", "/home")

    def check() -> None:
        assert live.host.read("/home/thesis") == b"theirs"

    assert killed_at_every_call(lambda: live.host.remove_tree("/k"), check) >= 10

    assert live.host.listdir("/") == ("home",)


def test_a_reader_never_sees_half_a_file(live: Live) -> None:
    """A child writes two contents in turn, and is killed at times nobody chose, while we read."""
    live.host.write("/f", b"a" * 50_000, 0o600)
    reads = 0
    for round_number in range(20):
        child = os.fork()
        if not child:
            while True:
                live.host.write("/f", b"b" * 70_000, 0o600)
                live.host.write("/f", b"a" * 50_000, 0o600)
        for _ in range(20 + 7 * round_number):
            content = live.host.read("/f")
            assert content in (b"a" * 50_000, b"b" * 70_000)
            reads += 1
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert reads > 1000
