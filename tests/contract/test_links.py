"""Links on the host: followed inside its root, never out of it, and not where anybody may have planted them."""
# ruff: noqa: S108 - paths below a scratch root

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.model.errors import BootstrapError, Exit
from tests.contract.subjects import Live, Subject, walk

Layout = Callable[[Subject], None]


def _real(subject: Subject) -> None:
    subject.directory("/data/k8s")


def _links(*pairs: tuple[str, str]) -> Layout:
    def build(subject: Subject) -> None:
        _real(subject)
        for path, target in pairs:
            subject.directory(os.path.dirname(path))
            subject.link(path, target)

    return build


FOLLOWED: dict[str, tuple[Layout, str, str]] = {
    "absolute": (_links(("/etc/kubernetes", "/data/k8s")), "/etc/kubernetes/f", "/data/k8s/f"),
    "relative": (_links(("/etc/kubernetes", "../data/k8s")), "/etc/kubernetes/f", "/data/k8s/f"),
    "relative without dots": (_links(("/k", "data/k8s")), "/k/f", "/data/k8s/f"),
    "to the root": (_links(("/etc/r", "/")), "/etc/r/data/f", "/data/f"),
    "above the root": (_links(("/etc/k", "../../../../data/k8s")), "/etc/k/f", "/data/k8s/f"),
    "absolute above the root": (_links(("/etc/k", "/../../data/k8s")), "/etc/k/f", "/data/k8s/f"),
    "dots in the path": (_links(), "/etc/../../data/./k8s//f", "/data/k8s/f"),
    "dots after a link mean where it leads": (_links(("/etc/k", "/data/k8s")), "/etc/k/../f", "/data/f"),
    "a chain": (_links(("/a", "/b"), ("/b", "c"), ("/c", "/data/k8s")), "/a/f", "/data/k8s/f"),
    "a chain of forty": (
        _links(*[(f"/l{i}", f"l{i + 1}") for i in range(39)], ("/l39", "/data/k8s")),
        "/l0/f",
        "/data/k8s/f",
    ),
    "links in the middle of a target": (_links(("/d", "/data"), ("/etc/k", "/d/k8s")), "/etc/k/f", "/data/k8s/f"),
    "the last name": (_links(("/etc/f", "/data/k8s/f")), "/etc/f", "/data/k8s/f"),
    "the last name, above the root": (_links(("/etc/f", "../../../../../data/f")), "/etc/f", "/data/f"),
    "the last name, twice": (_links(("/etc/f", "g"), ("/etc/g", "../data/f")), "/etc/f", "/data/f"),
    "a trailing slash": (_links(("/etc/k", "/data/k8s/")), "/etc/k/f", "/data/k8s/f"),
    "a name of dots": (_links(("/etc/k", "/data/.../k8s"), ("/data/...", "/data")), "/etc/k/f", "/data/k8s/f"),
}


@pytest.fixture
def subject(subject: Subject) -> Subject:
    subject.directory("/etc")
    return subject


@pytest.mark.parametrize(("layout", "path", "lands"), FOLLOWED.values(), ids=FOLLOWED)
def test_a_link_is_followed_inside_the_root(subject: Subject, layout: Layout, path: str, lands: str) -> None:
    layout(subject)
    links = {name: entry for name, entry in subject.snapshot().items() if entry[0] == "link"}

    subject.host.write(path, b"ours", 0o600)

    found = subject.snapshot()
    assert found[lands] == ("file", 0o600, (0, 0), b"ours")
    assert [name for name, entry in found.items() if entry[0] == "file"] == [lands]
    assert {name: entry for name, entry in found.items() if entry[0] == "link"} == links
    assert subject.host.read(path) == b"ours"
    assert subject.host.stat(path) == subject.host.stat(lands)


REFUSED: dict[str, tuple[Layout, str]] = {
    "itself": (_links(("/etc/k", "k")), "/etc/k/f"),
    "itself, as the last name": (_links(("/etc/k", "/etc/k")), "/etc/k"),
    "a circle": (_links(("/a", "/b"), ("/b", "/a")), "/a/f"),
    "a circle through dots": (_links(("/etc/k", "../etc/k/..")), "/etc/k/f"),
    "a chain of forty-one": (
        _links(*[(f"/l{i}", f"l{i + 1}") for i in range(40)], ("/l40", "/data/k8s")),
        "/l0/f",
    ),
    "into a file": (_links(("/etc/k", "/data/file"), ("/data/file", "/data/k8s")), "/etc/k/f/g"),
}


def _planted(mode: int, path: str, target: str) -> Layout:
    def build(subject: Subject) -> None:
        _real(subject)
        subject.directory(os.path.dirname(path))
        subject.link(path, target)
        subject.directory(os.path.dirname(path), mode)

    return build


PLANTED: dict[str, tuple[Layout, str]] = {
    "in /tmp": (_planted(0o1777, "/tmp/k", "/data/k8s"), "/tmp/k/f"),
    "without the sticky bit": (_planted(0o777, "/tmp/k", "/data/k8s"), "/tmp/k/f"),
    "as the last name": (_planted(0o1777, "/tmp/f", "/data/k8s/f"), "/tmp/f"),
    "relative": (_planted(0o1777, "/var/tmp/k", "../../data/k8s"), "/var/tmp/k/f"),
}


@pytest.mark.parametrize(("layout", "path"), [*REFUSED.values(), *PLANTED.values()], ids=[*REFUSED, *PLANTED])
def test_a_hostile_link_is_refused_and_nothing_changes(subject: Subject, layout: Layout, path: str) -> None:
    layout(subject)
    before = subject.snapshot()

    with pytest.raises(BootstrapError) as caught:
        subject.host.write(path, b"ours", 0o600)

    assert caught.value.code == Exit.EFFECT
    assert caught.value.why
    assert caught.value.fix
    assert subject.snapshot() == before


@pytest.mark.parametrize(("layout", "path"), PLANTED.values(), ids=PLANTED)
def test_a_planted_link_is_not_read_through_either(subject: Subject, layout: Layout, path: str) -> None:
    layout(subject)

    for look in (subject.host.read, subject.host.stat, subject.host.listdir):
        with pytest.raises(BootstrapError, match="every user can write"):
            look(path)


def test_missing_directories_behind_a_link_are_made_there(subject: Subject) -> None:
    subject.directory("/data")
    subject.link("/etc/k", "/data/new")

    subject.host.mkdir("/etc/k/pki", 0o700)

    assert set(subject.snapshot()) == {"/", "/data", "/data/new", "/data/new/pki", "/etc", "/etc/k"}


def test_a_dangling_link_is_a_missing_file(subject: Subject) -> None:
    subject.link("/etc/f", "/gone/f")

    assert subject.host.read("/etc/f") is None
    assert subject.host.readlink("/etc/f") == "/gone/f"
    with pytest.raises(BootstrapError):
        subject.host.write("/etc/f", b"", 0o600)


def test_nothing_outside_is_seen_or_changed(live: Live) -> None:
    """The same names exist outside of the root, with a canary in them."""
    outside = live.top / "data" / "k8s"
    outside.mkdir(parents=True)
    (outside / "f").write_bytes(b"canary")
    live.directory("/etc")
    real = live.top.resolve()
    for number, target in enumerate((f"{real}/data/k8s", "../../data/k8s", "/../../data/k8s", "/proc/self/root")):
        live.link(f"/etc/{number}", target)
        path = f"/etc/{number}/f"
        assert live.host.read(path) is None
        with pytest.raises(BootstrapError):
            live.host.write(path, b"x", 0o600)
    assert [(p.name, p.read_bytes()) for p in walk(live.top) if p.is_file()] == [("f", b"canary")]


def test_a_race_cannot_lead_outside(live: Live) -> None:
    """While we write, a thread swaps the directory and a link out of the root, as fast as it can."""
    outside = live.top / "outside"
    outside.mkdir()
    live.directory("/etc")
    etc = live.root / "etc"
    (etc / "real").mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(etc / "real", etc / "aside")
            (etc / "real").symlink_to(f"{'../' * 20}{outside}")
            os.unlink(etc / "real")
            os.rename(etc / "aside", etc / "real")
            time.sleep(0.0003)

    thread = threading.Thread(target=swap)
    thread.start()
    written = refused = 0
    deadline = time.monotonic() + 60
    try:
        while written < 500 or refused < 100:
            try:
                live.host.write(f"/etc/real/{written}", b"x", 0o600)
                written += 1
            except BootstrapError:
                refused += 1
            assert time.monotonic() < deadline, f"{written} written, {refused} refused"
    finally:
        stop.set()
        thread.join()

    assert list(outside.iterdir()) == []
    assert len(list((etc / "real").iterdir())) == written
    assert not Path(live.root, str(outside).lstrip("/")).exists()


def test_our_own_programs_reach_what_a_link_of_the_host_means(live: Live) -> None:
    """`/var/run` is an absolute link on every host: followed outside of its root, it would mean the container's."""
    live.directory("/run")
    live.file("/run/socket", b"theirs")
    live.directory("/var")
    live.link("/var/run", "/run")
    live.link("/var/lib", "../run")

    for path in ("/var/run/socket", "/var/lib/socket", "/run/socket"):
        assert live.host.reach(path) == f"{live.root}/run/socket"
    assert live.host.reach("/run/not-there-yet") == f"{live.root}/run/not-there-yet"
    assert live.host.reach("/nowhere/at/all") == f"{live.root}/nowhere/at/all"


@pytest.mark.parametrize(("layout", "path", "place"), FOLLOWED.values(), ids=FOLLOWED)
def test_a_path_resolves_to_one_without_links(subject: Subject, layout: Layout, path: str, place: str) -> None:
    layout(subject)

    assert subject.host.resolve(path) == place
    assert subject.host.resolve(place) == place


def test_a_path_that_leads_nowhere_resolves_to_itself(subject: Subject) -> None:
    subject.link("/etc/dangling", "/none/f")

    assert subject.host.resolve("/etc/dangling") == "/etc/dangling"
    assert subject.host.resolve("/none/f") == "/none/f"
