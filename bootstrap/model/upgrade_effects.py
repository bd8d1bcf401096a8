"""Effects of `upgrade` alone: what is kept before the first change, and put back."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model.backup import Backup


@dataclass(frozen=True)
class BackupMarked:
    """Its note says this state; of others than it the newest `names.BACKUPS_KEPT` stay."""

    backup: Backup
    state: str


@dataclass(frozen=True)
class FilesRestored:
    """These files are as a backup has them."""

    backup: Backup
    paths: tuple[str, ...]


@dataclass(frozen=True)
class EtcdSnapshotTaken:
    """A verified snapshot of this machine's etcd; one that is there already stays."""

    path: str


@dataclass(frozen=True)
class EtcdDowngraded:
    """etcd has made its data readable for the version `minor` again, unless it never was another one's.

    One that does not answer is left alone.
    """

    minor: str


@dataclass(frozen=True)
class ImagesReleased:
    """Of images of ours in the runtime behind `socket`, garbage collection leaves alone only `kept`, and what this
    program carries itself."""

    socket: str
    kept: tuple[str, ...]
