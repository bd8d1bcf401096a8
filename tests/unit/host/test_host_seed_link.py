"""A node's containerd root gets the images inside: the database last, when everything it speaks of is on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bootstrap.host.images.seed import CONTENT, METADATA, SNAPSHOTTER
from bootstrap.host.images.seed_link import MARK, link_seed
from bootstrap.model.errors import BootstrapError, Exit


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    made = tmp_path / "seed"
    for path in (f"{SNAPSHOTTER}/snapshots/1/fs", f"{CONTENT}/blobs/sha256"):
        (made / path).mkdir(parents=True)
    (made / CONTENT / "blobs/sha256/abc").write_bytes(b"blob")
    (made / METADATA).parent.mkdir(parents=True)
    for database in (METADATA, f"{SNAPSHOTTER}/metadata.db"):
        (made / database).write_bytes(b"db")
    (made / "index.json").write_text("{}")
    return made


def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reached the disk, in order: names are those that a file has when it is synced."""
    found: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted(fd: int) -> None:
        found.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    def renamed(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        folder = os.readlink(f"/proc/self/fd/{src_dir_fd}")
        assert f"{folder}/{source}" in found
        found.append(f"= {folder}/{target}")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "rename", renamed)
    return found


def test_the_database_is_the_last_to_get_its_name_and_all_else_is_on_the_disk(
    seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, root = synced(monkeypatch), tmp_path / "root"
    assert link_seed(seed, root) == 2

    for before in (f"{SNAPSHOTTER}/snapshots", f"{CONTENT}/blobs/sha256"):
        assert found.index(f"{root / before}") < found.index(f"= {root / MARK}")
    named = [line[2:] for line in found if line.startswith("= ")]
    assert named == [str(root / name) for name in (MARK, f"{SNAPSHOTTER}/metadata.db", METADATA)]
    assert found[-1] == str((root / METADATA).parent)
    assert (root / CONTENT / "blobs/sha256/abc").read_bytes() == b"blob"


def test_a_run_that_was_killed_before_the_database_is_done_again(
    seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", lambda *_words, **_fds: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            link_seed(seed, root)
    assert not (root / METADATA).exists()

    assert link_seed(seed, root) == 2
    assert link_seed(seed, root) == 0


def test_a_root_of_another_build_is_refused(seed: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    link_seed(seed, root)
    (seed / "index.json").write_text("[]")

    with pytest.raises(BootstrapError) as caught:
        link_seed(seed, root)
    assert caught.value.code == Exit.CONFLICT
