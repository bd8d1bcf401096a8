"""Snapshots of this machine's etcd: listed, and looked at."""

from __future__ import annotations

from datetime import datetime

from bootstrap.engine.etcd_snapshot import cluster_here, save
from bootstrap.host import etcd
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.snapshot import NOTE, SCHEDULED, SUFFIX, Snapshot, noted, refused


def listed(host: HostReader, folder: str) -> tuple[tuple[str, Snapshot | None], ...]:
    """Path and note of every snapshot in a folder, by name."""
    paths = [f"{folder}/{name}" for name in host.listdir(folder) if name.endswith(SUFFIX) and name[0] != "."]
    return tuple((path, note_of(host, path)) for path in paths)


def note_of(host: HostReader, path: str) -> Snapshot | None:
    return noted(host.read(f"{path}{NOTE}") or b"")


def scheduled(host: Host, now: datetime, keep: int) -> tuple[str, Snapshot]:
    """One more of those that a timer takes, and the oldest of them gone: the newest `keep` stay.

    Raises BootstrapError as `save` does, and then all stay.
    """
    path = f"{names.SNAPSHOTS_DIR}/{SCHEDULED}{now:%Y%m%d-%H%M%S}{SUFFIX}"
    made = save(host, path, now)
    ours = [path for path, _ in listed(host, names.SNAPSHOTS_DIR) if path.rpartition("/")[2].startswith(SCHEDULED)]
    for old in ours[:-keep]:
        host.remove(old)
        host.remove(f"{old}{NOTE}")
    return path, made


def checked(host: Host, path: str, *, any_cluster: bool) -> Snapshot | None:
    """Its note, None when there is none and it is taken all the same. Raises BootstrapError (exit 9): it is refused."""
    digest = host.digest(path)
    if digest is None:
        raise BootstrapError(f"{path} does not exist", code=Exit.CONFIG, fix="bootstrap etcd snapshot list")
    note = note_of(host, path)
    if why := refused(note, digest, cluster_here(host), any_cluster=any_cluster):
        raise BootstrapError(
            f"{path} is refused: {why}",
            code=Exit.IMAGE,
            why="what is there now would be lost for it",
            fix="bootstrap etcd snapshot list shows others; --any-cluster takes one of others, or without a note",
        )
    try:
        etcd.snapshot_status(host, path)
    except BootstrapError as e:
        raise BootstrapError(
            f"{path} is refused: it is no snapshot that etcd can read",
            code=Exit.IMAGE,
            details=e.details,
            fix="bootstrap etcd snapshot list shows others",
        ) from e
    return note
