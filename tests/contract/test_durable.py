"""The order of system calls in which the live host changes things, and what a failure of each one leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.host.live import LiveHost
from bootstrap.model.errors import BootstrapError, Exit


@pytest.fixture
def host(tmp_path: Path) -> LiveHost:
    (tmp_path / "etc").mkdir()
    return LiveHost(str(tmp_path))


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


ORDERS: dict[str, tuple[Callable[[LiveHost], object], list[str]]] = {
    "write": (lambda host: host.write("/etc/a", b"x", 0o600), ["fsync file", "rename", "fsync folder"]),
    "append": (lambda host: host.append("/etc/log", b"x", 0o600), ["fsync file", "fsync folder"]),
    "symlink": (lambda host: host.symlink("x", "/etc/l"), ["symlink", "rename", "fsync folder"]),
    "mkdir": (lambda host: host.mkdir("/etc/d", 0o755), ["mkdir", "fsync folder", "fsync folder"]),
    "remove": (lambda host: host.remove("/etc/old"), ["unlink", "fsync folder"]),
    "remove_tree": (lambda host: host.remove_tree("/etc/tree"), ["rmdir", "fsync folder"]),
}


@pytest.mark.parametrize(("change", "wanted"), ORDERS.values(), ids=ORDERS)
def test_content_is_on_the_disk_before_its_name_and_the_name_at_the_end(
    host: LiveHost, monkeypatch: pytest.MonkeyPatch, change: Callable[[LiveHost], object], wanted: list[str]
) -> None:
    host.write("/etc/old", b"", 0o600)
    host.mkdir("/etc/tree", 0o755)
    order: list[str] = []

    def watch(name: str) -> None:
        call = getattr(os, name)

        def watched(*args: object, **kwargs: object) -> object:
            order.append(f"fsync {_kind(args[0])}" if name == "fsync" else name)
            return call(*args, **kwargs)

        monkeypatch.setattr(os, name, watched)

    for name in ("fsync", "rename", "symlink", "mkdir", "unlink", "rmdir"):
        watch(name)
    change(host)

    assert order == wanted


def _kind(fd: object) -> str:
    return "folder" if Path(f"/proc/self/fd/{fd}").is_dir() else "file"


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


def test_a_machine_without_systemd_has_no_running_unit(host: LiveHost) -> None:
    state = host.unit("kubelet.service")

    assert (state.active, state.enabled, state.started) == (False, False, 0)
