"""Snapshots of this machine's etcd: listed, and looked at."""

from __future__ import annotations

from bootstrap.engine.etcd_snapshot import cluster_here
from bootstrap.host import etcd
from bootstrap.host.port import Host, HostReader
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.snapshot import NOTE, SUFFIX, Snapshot, noted, refused


def listed(host: HostReader, folder: str) -> tuple[tuple[str, Snapshot | None], ...]:
    """Path and note of every snapshot in a folder, by name."""
    paths = [f"{folder}/{name}" for name in host.listdir(folder) if name.endswith(SUFFIX) and name[0] != "."]
    return tuple((path, note_of(host, path)) for path in paths)


def note_of(host: HostReader, path: str) -> Snapshot | None:
    return noted(host.read(f"{path}{NOTE}") or b"")


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
