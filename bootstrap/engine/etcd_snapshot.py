"""A snapshot of this machine's etcd. A file has its final name only when it is whole."""

from __future__ import annotations

from datetime import datetime

from bootstrap.host import etcd
from bootstrap.host.facts.places import places
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.snapshot import NOTE, Snapshot
from bootstrap.render.cluster.joining import public_key_hash
from bootstrap.render.controlplane.key_rotation import key_names

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
            " ".join(key_names(host.read(names.ENCRYPTION_CONFIG) or b"")),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise etcd.unreadable(str(e)) from e


def cluster_here(host: HostReader) -> str:
    """Raises BootstrapError (exit 8) when there is no CA."""
    path = f"{places(host).certificates}/ca.crt"
    content = host.read(path)
    if content is None:
        raise BootstrapError(f"there is no {path}", code=Exit.CONFLICT, fix="run this on a control plane")
    return public_key_hash(content)
