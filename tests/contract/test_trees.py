"""Removing trees: all of it, nothing but it, and nothing at all when something is mounted there."""

from __future__ import annotations

import os
import subprocess

import pytest

from bootstrap.host.fs import rmtree
from bootstrap.model.errors import BootstrapError, Exit
from tests.contract.subjects import Live, Subject


def _tree(subject: Subject) -> None:
    subject.directory("/home/user")
    subject.file("/home/user/thesis")
    subject.directory("/var/lib/kubelet/pods/1/volumes")
    subject.file("/var/lib/kubelet/pods/1/volumes/data")
    subject.file("/var/lib/kubelet/config.yaml")
    subject.link("/var/lib/kubelet/pods/home", "/home")
    subject.link("/var/lib/kubelet/up", "../..")
    subject.device("/var/lib/kubelet/pods/null")


def test_a_tree_goes_and_what_its_links_lead_to_stays(subject: Subject) -> None:
    _tree(subject)

    subject.host.remove_tree("/var/lib/kubelet")
    subject.host.remove_tree("/var/lib/kubelet")

    assert set(subject.snapshot()) == {"/", "/home", "/home/user", "/home/user/thesis", "/var", "/var/lib"}


def test_of_a_link_only_the_link_goes(subject: Subject) -> None:
    subject.directory("/data/etcd/member")
    subject.directory("/var/lib")
    subject.link("/var/lib/etcd", "/data/etcd")

    subject.host.remove_tree("/var/lib/etcd")

    assert subject.host.readlink("/var/lib/etcd") is None
    assert subject.host.listdir("/data/etcd") == ("member",)


def test_a_tree_behind_a_linked_directory_goes(subject: Subject) -> None:
    subject.directory("/data/lib/etcd/member")
    subject.directory("/var")
    subject.link("/var/lib", "/data/lib")

    subject.host.remove_tree("/var/lib/etcd")

    assert subject.host.listdir("/data/lib") == ()


@pytest.mark.parametrize("path", ["/", "/etc", "/var/lib", "/usr/bin", "/var/lib/kubelet/../../../etc", "/opt/link/.."])
def test_the_systems_own_directories_do_not_go(subject: Subject, path: str) -> None:
    _tree(subject)
    for directory in ("/etc", "/usr/bin", "/opt/real"):
        subject.directory(directory)
    subject.link("/opt/link", "/etc/x")
    subject.directory("/etc/x")
    before = subject.snapshot()

    with pytest.raises(BootstrapError) as caught:
        subject.host.remove_tree(path)

    assert caught.value.code == Exit.EFFECT
    assert subject.snapshot() == before


@pytest.mark.parametrize("point", ["/var/lib/kubelet", "/var/lib/kubelet/pods", "/var/lib/kubelet/pods/1/volumes"])
def test_a_mount_stops_it_before_anything_is_deleted(subject: Subject, point: str) -> None:
    _tree(subject)
    subject.mount(point)
    before = subject.snapshot()

    with pytest.raises(BootstrapError) as caught:
        subject.host.remove_tree("/var/lib/kubelet")

    assert caught.value.code == Exit.EFFECT
    assert caught.value.details == (point,)
    assert f"umount {point}" in caught.value.fix
    assert subject.snapshot() == before
    subject.unmount(point)
    subject.host.remove_tree("/var/lib/kubelet")
    assert subject.host.listdir("/var/lib") == ()


def test_mounts_on_mounts_are_named_in_the_order_they_can_be_unmounted(subject: Subject) -> None:
    subject.directory("/k/a")
    subject.mount("/k/a")
    subject.directory("/k/a/b")
    subject.mount("/k/a/b")

    with pytest.raises(BootstrapError) as caught:
        subject.host.remove_tree("/k")

    assert "umount /k/a/b /k/a," in caught.value.fix


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_a_bind_mount_on_the_same_filesystem_stops_it_too(live: Live, kind: str) -> None:
    """Its device number is that of its surroundings."""
    _tree(live)
    live.directory("/var/lib/kubelet/bound")
    live.file("/var/lib/kubelet/file")
    source, target = {"directory": ("/home", "bound"), "file": ("/home/user/thesis", "file")}[kind]
    subprocess.run(["mount", "--bind", f"{live.root}{source}", f"{live.root}/var/lib/kubelet/{target}"], check=True)
    before = live.snapshot()

    with pytest.raises(BootstrapError, match=f"/var/lib/kubelet/{target} is a mount point"):
        live.host.remove_tree("/var/lib/kubelet")

    assert live.snapshot() == before


def test_what_is_mounted_while_we_delete_stays(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.directory("/k/a")
    monkeypatch.setattr(rmtree, "_refuse_mounts", lambda place, top: live.mount("/k/a") or live.file("/k/a/data"))

    with pytest.raises(BootstrapError, match="/k/a is a mount point"):
        live.host.remove_tree("/k")

    assert live.host.listdir("/k/a") == ("data",)


def test_a_mount_point_with_a_space_in_its_name_is_seen(live: Live) -> None:
    live.directory("/k/a b\\c")
    live.mount("/k/a b\\c")

    with pytest.raises(BootstrapError) as caught:
        live.host.remove_tree("/k")

    assert caught.value.details == ("/k/a b\\c",)


def test_a_tree_of_any_depth_goes(live: Live) -> None:
    """Deeper than Python's recursion, the longest path and the usual number of open files."""
    live.directory("/k")
    here = os.open(live.root / "k", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    try:
        live.host.remove_tree("/k")
        assert live.host.listdir("/") == ()
    finally:
        subprocess.run(["rm", "-rf", live.root / "k"], check=True)  # pytest's own clean-up cannot


def test_an_immutable_file_is_named(live: Live) -> None:
    live.directory("/k")
    live.file("/k/f")
    subprocess.run(["chattr", "+i", live.root / "k" / "f"], check=True)
    try:
        with pytest.raises(BootstrapError, match="Operation not permitted") as caught:
            live.host.remove_tree("/k")
    finally:
        subprocess.run(["chattr", "-i", live.root / "k" / "f"], check=True)

    assert "lsattr" in caught.value.fix


def test_only_an_empty_directory_is_removed_as_one(subject: Subject) -> None:
    for path in ("/usr/local", "/srv/full", "/srv/empty"):
        subject.directory(path)
    subject.file("/srv/full/f")
    subject.file("/srv/file")
    subject.link("/srv/link", "empty")
    before = set(subject.snapshot())

    for path in ("/usr/local", "/srv/full", "/srv/file", "/srv/link", "/srv/none", "/none/none"):
        subject.host.remove_empty(path)

    assert before - set(subject.snapshot()) == {"/usr/local"}, "one of the system's too, when it is empty"


def test_an_empty_directory_with_a_mount_stays(live: Live) -> None:
    live.directory("/srv/disk")
    live.mount("/srv/disk")

    live.host.remove_empty("/srv/disk")

    assert live.host.stat("/srv/disk")
