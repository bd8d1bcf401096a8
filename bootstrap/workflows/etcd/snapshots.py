"""Snapshots of this machine's etcd: taken, listed, looked at. A file has its final name only when it is whole."""

from __future__ import annotations

from datetime import datetime

from bootstrap.host import etcd
from bootstrap.host.facts.places import places
from bootstrap.host.port import Host, HostReader
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.snapshot import NOTE, SUFFIX, Snapshot, noted, refused
from bootstrap.render.cluster.joining import public_key_hash

_PART = ".part"


def save(host: Host, path: str, now: datetime) -> Snapshot:
    """`path` is that of the file. Raises BootstrapError: exit 5, 8 (no member here, or the file is there)."""
    member, cluster = etcd.own_member(host), cluster_here(host)
    if host.stat(path) is not None:
        raise BootstrapError(f"{path} is there already", code=Exit.CONFLICT, fix="name another file")
    folder, _, name = path.rpartition("/")
    part = f"{folder}/.{name}{_PART}"
    if host.stat(folder or "/") is None:
        host.mkdir(folder, 0o700)
    host.remove(part)
    try:
        etcd.ask(host, member, "snapshot", "save", host.reach(part), timeout=etcd.LONG)
        made = _looked_at(host, part, cluster, etcd.status(host, member).version, now)
        host.write(f"{path}{NOTE}", made.to_json(), 0o600)
        etcd.move(host, part, path)
    except BootstrapError:
        host.remove(part)
        raise
    return made


def _looked_at(host: Host, part: str, cluster: str, version: str, now: datetime) -> Snapshot:
    said, digest = etcd.snapshot_status(host, part), host.digest(part) or ""
    etcd.flush(host, part)
    try:
        return Snapshot(
            cluster,
            f"{int(said['hash']):x}",
            int(said["revision"]),
            int(said["totalKey"]),
            int(said["totalSize"]),
            digest,
            version,
            f"{now:%Y-%m-%dT%H:%M:%SZ}",
        )
    except (KeyError, TypeError, ValueError) as e:
        raise etcd.unreadable(str(e)) from e


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


def cluster_here(host: HostReader) -> str:
    """Raises BootstrapError (exit 8) when there is no CA."""
    path = f"{places(host).certificates}/ca.crt"
    content = host.read(path)
    if content is None:
        raise BootstrapError(f"there is no {path}", code=Exit.CONFLICT, fix="run this on a control plane")
    return public_key_hash(content)
