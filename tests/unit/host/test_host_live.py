"""The live host's files, below a scratch root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.host.live import LiveHost
from bootstrap.model.errors import BootstrapError, Exit


@pytest.fixture
def host(tmp_path: Path) -> LiveHost:
    (tmp_path / "etc").mkdir()
    return LiveHost(str(tmp_path))


@pytest.fixture
def _strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_strict_umask")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_the_mode_is_exact_whatever_the_umask(host: LiveHost, mode: int) -> None:
    host.write("/etc/a", b"x", mode)
    host.mkdir("/etc/d", mode)

    stats = host.stat("/etc/a"), host.stat("/etc/d")
    assert [(s.mode, s.is_dir) for s in stats if s] == [(mode, False), (mode, True)]


def test_a_file_is_replaced_as_a_whole(host: LiveHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("/etc/a", b"old", 0o644)
    rename, at_rename = os.rename, []

    def watched(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        folders = {str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (src_dir_fd, dst_dir_fd)}
        at_rename.append((host.read("/etc/a"), host.read(f"/etc/{source}"), source, folders))
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", watched)
    host.write("/etc/a", b"new", 0o600)

    (old, new, name, folders) = at_rename[0]
    assert (old, new) == (b"old", b"new")
    assert name.startswith("."), "the kubelet reads every file without a leading dot"
    assert folders == {f"{host.root}/etc"}
    assert host.read("/etc/a") == b"new"


def test_bytes_are_on_the_disk_before_the_name_and_the_name_after(
    host: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(fd: int) -> None:
        order.append("folder" if Path(f"/proc/self/fd/{fd}").is_dir() else "file")
        fsync(fd)

    def renamed(source: str, target: str, **directories: int) -> None:
        order.append("rename")
        rename(source, target, **directories)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    host.write("/etc/a", b"x", 0o600)

    assert order == ["file", "rename", "folder"]


@pytest.mark.parametrize("call", ["fsync", "fchmod", "rename"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    host: LiveHost, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    host.write("/etc/a", b"old", 0o644)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(BootstrapError) as caught:
        host.write("/etc/a", b"new", 0o644)
    monkeypatch.undo()

    assert caught.value.code == Exit.EFFECT
    assert "No space left" in caught.value.what
    assert host.listdir("/etc") == ("a",)
    assert host.read("/etc/a") == b"old"


def test_a_missing_folder_is_an_error_with_a_way_out(host: LiveHost) -> None:
    with pytest.raises(BootstrapError) as caught:
        host.write("/none/a", b"", 0o600)

    assert "/none" in caught.value.fix


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(host: LiveHost) -> None:
    host.write("/etc/real", b"real", 0o644)
    host.symlink("real", "/etc/link")

    host.write("/etc/link", b"new", 0o644)

    assert (host.read("/etc/real"), host.readlink("/etc/link")) == (b"new", "real")


def test_mkdir_makes_parents_and_sets_the_mode_of_what_is_there(host: LiveHost) -> None:
    host.mkdir("/var/lib/x", 0o755)
    host.mkdir("/var/lib/x", 0o700)

    found = host.stat("/var/lib/x")
    assert found
    assert found.mode == 0o700


def test_what_is_not_there_is_none(host: LiveHost) -> None:
    host.write("/etc/a", b"", 0o600)

    assert (host.read("/etc/b"), host.stat("/etc/b"), host.listdir("/b")) == (None, None, ())
    assert (host.read("/etc/a/b"), host.stat("/etc/a/b"), host.listdir("/etc/a")) == (None, None, ())
    host.remove("/etc/b")


def test_a_machine_without_systemd_has_no_running_unit(host: LiveHost) -> None:
    state = host.unit("kubelet.service")

    assert (state.active, state.enabled, state.started) == (False, False, 0)
