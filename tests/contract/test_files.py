"""Files, directories and links: what is written is there exactly, what is absent is no error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.model.errors import BootstrapError, Exit
from tests.contract.subjects import Live, Subject


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o4755], ids=oct)
def test_mode_and_owner_are_exact_whatever_the_umask(subject: Subject, mode: int, tmp_path: Path) -> None:
    source = tmp_path / "binary"
    source.write_bytes(b"\x7fELF")
    subject.host.mkdir("/a/b", mode)
    subject.host.write("/a/file", b"x", mode, (123, 456))
    subject.host.install(str(source), "/a/binary", mode)
    subject.host.append("/a/log", b"line\n", mode)
    source.unlink()

    assert subject.snapshot() == {
        "/": ("dir", 0o755, (0, 0), b""),
        "/a": ("dir", 0o755, (0, 0), b""),
        "/a/b": ("dir", mode, (0, 0), b""),
        "/a/binary": ("file", mode, (0, 0), b"\x7fELF"),
        "/a/file": ("file", mode, (123, 456), b"x"),
        "/a/log": ("file", mode, (0, 0), b"line\n"),
    }


def test_a_parent_with_a_group_of_its_own_does_not_pass_it_on(live: Live) -> None:
    live.directory("/shared")
    os.chown(live.root / "shared", 0, 50)
    live.directory("/shared", 0o2775)

    live.host.mkdir("/shared/a/b", 0o700)
    live.host.write("/shared/f", b"", 0o600)

    found = live.snapshot()
    assert found["/shared/a"] == ("dir", 0o755, (0, 0), b"")
    assert found["/shared/a/b"] == ("dir", 0o700, (0, 0), b"")
    assert found["/shared/f"] == ("file", 0o600, (0, 0), b"")


def test_stat_tells_all_of_it(subject: Subject) -> None:
    subject.host.mkdir("/d", 0o750)
    subject.host.write("/d/f", b"12345", 0o640, (7, 8))
    subject.device("/d/null")
    subject.link("/d/l", "f")

    file, directory, device, through = (subject.host.stat(p) for p in ("/d/f", "/d", "/d/null", "/d/l"))
    assert file
    assert directory
    assert device
    assert (file.kind, file.mode, file.uid, file.gid, file.size, file.is_dir) == ("file", 0o640, 7, 8, 5, False)
    assert (directory.kind, directory.mode, directory.is_dir) == ("dir", 0o750, True)
    assert device.kind == "other"
    assert through == file


def test_what_is_not_there_is_none(subject: Subject) -> None:
    host = subject.host
    subject.file("/f")

    for path in ("/none", "/none/x", "/f/x"):
        assert (host.read(path), host.stat(path), host.readlink(path), host.digest(path)) == (None, None, None, None)
        assert host.listdir(path) == ()
        host.remove(path)
        host.remove_tree(path)
    assert host.listdir("/f") == ()


def test_a_directory_is_listed_in_order(subject: Subject) -> None:
    subject.directory("/d/sub")
    for name in ("b", "a", ".hidden"):
        subject.file(f"/d/{name}")

    assert subject.host.listdir("/d") == (".hidden", "a", "b", "sub")
    assert subject.host.listdir("/") == ("d",)


def test_a_write_needs_its_directory_and_says_so(subject: Subject) -> None:
    with pytest.raises(BootstrapError) as caught:
        subject.host.write("/none/a", b"", 0o600)

    assert caught.value.code == Exit.EFFECT
    assert "mkdir -p /none" in caught.value.fix


@pytest.mark.parametrize("path", ["/d", "/null", "/masked"])
def test_only_a_file_is_replaced_by_a_file(subject: Subject, path: str) -> None:
    """A masked unit is a link to /dev/null: following it would replace the device."""
    subject.directory("/d")
    subject.device("/null")
    subject.link("/masked", "/null")
    before = subject.snapshot()

    with pytest.raises(BootstrapError) as caught:
        subject.host.write(path, b"x", 0o644)

    assert caught.value.code == Exit.EFFECT
    assert caught.value.fix
    assert subject.snapshot() == before


def test_only_a_file_is_read(subject: Subject) -> None:
    subject.device("/null")
    subject.directory("/d")

    for path in ("/null", "/d"):
        with pytest.raises(BootstrapError):
            subject.host.read(path)


def test_appending_adds_and_keeps_what_is_there(subject: Subject) -> None:
    subject.host.append("/log", b"one\n", 0o600)
    subject.host.append("/log", b"two\n", 0o644)

    assert subject.snapshot()["/log"] == ("file", 0o600, (0, 0), b"one\ntwo\n")


def test_the_digest_is_that_of_the_content(subject: Subject) -> None:
    subject.file("/f", b"content")

    assert subject.host.digest("/f") == hashlib.sha256(b"content").hexdigest()


def test_a_link_takes_the_place_of_a_file_or_a_link(subject: Subject) -> None:
    subject.file("/file")
    subject.link("/link", "old")
    subject.directory("/dir")

    for path in ("/file", "/link", "/new"):
        subject.host.symlink("target", path)
        assert subject.host.readlink(path) == "target"
    with pytest.raises(BootstrapError):
        subject.host.symlink("target", "/dir")
    assert subject.host.readlink("/dir") is None


def test_remove_takes_the_link_and_not_the_file(subject: Subject) -> None:
    subject.file("/file")
    subject.link("/link", "file")

    subject.host.remove("/link")
    assert subject.host.listdir("/") == ("file",)
    subject.host.remove("/file")
    assert subject.host.listdir("/") == ()


def test_remove_does_not_take_a_directory(subject: Subject) -> None:
    subject.directory("/d")

    with pytest.raises(BootstrapError):
        subject.host.remove("/d")


def test_mkdir_sets_the_mode_of_what_is_there_and_not_its_owner(live: Live) -> None:
    live.directory("/d")
    os.chown(live.root / "d", 9, 9)

    live.host.mkdir("/d", 0o700)

    assert live.snapshot()["/d"] == ("dir", 0o700, (9, 9), b"")


def test_mkdir_does_not_take_a_file(subject: Subject) -> None:
    subject.file("/f")

    for path in ("/f", "/f/below"):
        with pytest.raises(BootstrapError) as caught:
            subject.host.mkdir(path, 0o755)
        assert caught.value.code == Exit.EFFECT


def test_a_tree_is_copied_with_all_that_it_has(live: Live, tmp_path: Path) -> None:
    source = tmp_path / "seed"
    (source / "layer").mkdir(parents=True)
    (source / "layer" / "file").write_bytes(b"x")
    os.chown(source / "layer" / "file", 5, 6)
    os.setxattr(source / "layer", "trusted.overlay.opaque", b"y")
    os.mknod(source / "layer" / "whiteout", 0o020000, os.makedev(0, 0))
    (source / "layer" / "link").symlink_to("/etc/passwd")
    live.file("/stale")
    live.directory("/images/layer")
    live.file("/images/layer/file", b"half of it")

    live.host.install_tree(str(source), "/images")

    found = live.snapshot()
    assert found["/images/layer/file"] == ("file", 0o644, (5, 6), b"x")
    assert found["/images/layer/link"] == ("link", 0o777, (0, 0), b"/etc/passwd")
    assert found["/images/layer/whiteout"][0] == "device"
    assert os.getxattr(live.root / "images" / "layer", "trusted.overlay.opaque") == b"y"


def test_a_large_file_is_installed_in_pieces(live: Live, tmp_path: Path) -> None:
    """What is held of it in memory does not grow with the file."""
    import tracemalloc

    source = tmp_path / "binary"
    with source.open("wb") as file:
        for piece in range(64):
            file.write(bytes([piece]) * (1 << 20))
    tracemalloc.start()
    live.host.install(str(source), "/kubelet", 0o755)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert live.host.digest("/kubelet") == hashlib.sha256(source.read_bytes()).hexdigest()
    assert peak < 8 << 20
