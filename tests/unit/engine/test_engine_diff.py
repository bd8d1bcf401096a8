"""What a dry run shows: one line for each effect, and the lines that would differ."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engine.effects import describe, diff
from bootstrap.engine.effects.api_objects import same_fields
from bootstrap.engine.preview import no_objects
from bootstrap.host.images.seed import METADATA
from bootstrap.host.port import UnitState
from bootstrap.model.effects import (
    Apply,
    Create,
    Directory,
    Effect,
    EtcdAddresses,
    File,
    ImagesSeeded,
    Install,
    KernelModule,
    KeyPair,
    Link,
    RecordDirectory,
    RecordNetwork,
    RecordState,
    RotatableKubeletCredential,
    Sysctl,
    UnitRunning,
)
from bootstrap.model.journal_entry import IMAGES, NETWORK, PATH, TREE, UNIT, Entry
from bootstrap.model.reset_effects import ContainersGone, EtcdMemberGone, Restored, UnitsReloaded, Unmounted
from tests.memory import MemoryHost
from tests.unit.engine.fakes import config_map

OTHER = "/api/v1/namespaces/kube-system/configmaps/x"


def machine() -> MemoryHost:
    host = MemoryHost()
    host.write("/etc/a", b"one\ntwo\n", 0o644)
    host.symlink("a", "/etc/l")
    host.set_sysctl("a.b", "1")
    host.mkdir("/sys/module/m", 0o755)
    host.units["u.service"] = UnitState(active=True, enabled=True, started=99)
    host.image_ids["unix:///x"] = {"localhost/bootstrap/a:1": "sha256:1", "theirs:1": "sha256:2"}
    host.networks["links"] = ("cni0", "eth0")
    host.mkdir("/proc/1", 0o755)
    host.write("/proc/1/mountinfo", b"1 0 0:1 / /t/a rw - tmpfs tmpfs rw\n", 0o444)
    host.log.clear()
    return host


SHOWN = hashlib.sha256(b"one\n").hexdigest()[:12]


@pytest.mark.parametrize(
    ("effect", "line"),
    [
        (File("/etc/a", b"one\n"), f"file /etc/a (0644, 4 bytes, sha256:{SHOWN}): change (content)"),
        (Directory("/etc"), "directory /etc (0755): unchanged"),
        (Directory("/etc/d", 0o700), "directory /etc/d (0700): new"),
        (RecordDirectory("/etc"), "journal of /etc/: unchanged"),
        (Link("/etc/l", "a"), "link /etc/l to a: unchanged"),
        (Link("/etc/l", "b"), "link /etc/l to b: change (target)"),
        (Link("/etc/l", "b", keep=True), "link /etc/l to b: unchanged"),
        (Link("/etc/none", "b"), "link /etc/none to b: new"),
        (KernelModule("m", "/sys/module/m"), "module m: unchanged"),
        (KernelModule("n", "/sys/module/n"), "module n: change (not loaded)"),
        (Sysctl("a.b", "1"), "sysctl a.b = 1: unchanged"),
        (Sysctl("a.b", "0"), "sysctl a.b = 0: change (is 1)"),
        (Sysctl("a.c", "0"), "sysctl a.c = 0: change (is missing)"),
        (ImagesSeeded("/var/x"), "images in /var/x: new"),
        (UnitRunning("u.service"), "unit u.service: unchanged"),
        (UnitRunning("v.service"), "unit v.service: start"),
        (Apply(config_map()), "apply ConfigMap kube-system/x"),
        (Create(config_map()), "create ConfigMap kube-system/x if absent"),
        (RotatableKubeletCredential("/k", "/c"), "file /k: point at /c once the kubelet has written it"),
        (
            EtcdAddresses("a", ("https://x",), "", (), KeyPair("", "", ""), searches=False),
            "etcd member a: known by https://x",
        ),
        (EtcdMemberGone("", "https://x", "/none", ()), "etcd member https://x: unchanged"),
        (EtcdMemberGone("", "https://x", "/etc", ()), "etcd member https://x: remove it if there are others"),
        (RecordNetwork(), "journal of links and packet filters: unchanged"),
        (Restored(Entry(PATH, "/etc/none", None)), "path /etc/none: unchanged"),
        (Restored(Entry(PATH, "/etc/a", None)), "remove /etc/a"),
        (Restored(Entry(TREE, "/etc", {"entries": []})), "restore /etc"),
        (Restored(Entry(UNIT, "u.service", {"active": False, "enabled": False})), "restore unit u.service"),
        (Restored(Entry(NETWORK, "links", {"names": ["eth0"]})), "remove links: cni0"),
        (Restored(Entry(NETWORK, "links", {"names": ["cni0", "eth0"]})), "remove links: unchanged"),
        (RecordState(PATH, "/etc/a"), "journal of path /etc/a: unchanged"),
        (Restored(Entry(IMAGES, "unix:///x", {"names": []})), "remove images in unix:///x: localhost/bootstrap/a:1"),
        (Restored(Entry(IMAGES, "unix:///none", None)), "remove images in unix:///none: unchanged"),
        (ContainersGone("unix:///x"), "remove all Pods in unix:///x"),
        (Unmounted("/t", None), "unmount below /t: /t/a"),
        (Unmounted("/t", ("a",)), "unmount below /t: unchanged"),
        (UnitsReloaded(), "systemctl daemon-reload: unchanged"),
    ],
)
def test_an_effect_in_one_line(effect: Effect, line: str) -> None:
    host = machine()

    assert describe(effect, host) == line
    assert host.log == []


def test_images_are_new_until_their_database_is_there() -> None:
    """A copy that was interrupted has left directories and no database."""
    host = machine()
    host.mkdir("/var/x", 0o755)
    assert describe(ImagesSeeded("/var/x"), host) == "images in /var/x: new"

    host.mkdir(f"/var/x/{METADATA}".rpartition("/")[0], 0o755)
    host.write(f"/var/x/{METADATA}", b"", 0o600)
    assert describe(ImagesSeeded("/var/x"), host) == "images in /var/x: unchanged"


def test_a_binary_is_compared_by_content(tmp_path: Path) -> None:
    host, source = machine(), tmp_path / "tool"
    source.write_bytes(b"one\ntwo\n")

    assert describe(Install(str(source), "/etc/a", 0o644), host) == "file /etc/a: unchanged"
    source.write_bytes(b"new")
    assert describe(Install(str(source), "/etc/a", 0o644), host) == "file /etc/a: change (content)"
    assert describe(Install(str(source), "/etc/tool"), host) == "file /etc/tool: new"


def test_a_changed_file_shows_its_lines() -> None:
    assert diff(File("/etc/a", b"one\n2\n"), machine(), no_objects) == ("@@ -1,2 +1,2 @@", " one", "-two", "+2")


@pytest.mark.parametrize(
    "effect",
    [
        File("/etc/a", b"one\ntwo\n"),
        File("/etc/a", b"one\ntwo\n", mode=0o600),
        File("/etc/a", b"never written", mode=0o600, once=True),
        File("/etc/new", b"secret", secret=True),
    ],
)
def test_what_would_not_be_written_or_is_secret_shows_no_lines(effect: File) -> None:
    assert diff(effect, machine(), no_objects) == ()


def objects(found: dict[str, Any]) -> Any:
    return lambda path: found.get(path)


def test_an_object_shows_what_differs_and_nothing_that_the_server_added() -> None:
    there = config_map(a="1", b="theirs") | {"status": {"x": 1}}

    lines = diff(Apply(config_map(a="2")), machine(), objects({OTHER: there}))
    assert [line for line in lines if line[0] in "+-"] == ["-  a: '1'", "+  a: '2'"]


def test_an_object_that_is_the_same_shows_nothing() -> None:
    assert diff(Apply(config_map(a="1")), machine(), objects({OTHER: config_map(a="1", b="2")})) == ()


def test_what_is_created_once_shows_all_of_it_or_nothing() -> None:
    assert "+kind: ConfigMap" in diff(Create(config_map()), machine(), no_objects)
    assert diff(Create(config_map()), machine(), objects({OTHER: config_map()})) == ()
    assert diff(Create(config_map() | {"kind": "Secret"}), machine(), no_objects) == ()


def test_lists_of_another_length_are_shown_whole() -> None:
    assert same_fields([{"a": 1}], [{"a": 2, "b": 3}]) == [{"a": 2}]
    assert same_fields([{"a": 1}], [{"a": 2}, {"a": 3}]) == [{"a": 2}, {"a": 3}]
