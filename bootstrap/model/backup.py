"""What an upgrade has replaced: a directory with a note, the files, and a snapshot of etcd."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from bootstrap.model import names

NOTE = "note.json"
SNAPSHOT = "etcd.db"
FILES = "files"
BEGUN, ENDED, UNDONE = "begun", "done", "undone"


@dataclass(frozen=True)
class Backup:
    """`before` and `after` are versions; `taken` is ISO 8601. `files`: path → mode, None for one that was not there."""

    name: str
    before: str
    after: str
    taken: str
    state: str = BEGUN
    """`begun`, `done`, or `undone`: what it holds was put back."""
    files: Mapping[str, int | None] = field(default_factory=dict)
    owners: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Path → user and group, of files that are not root's."""
    others: tuple[str, ...] = ()
    """Members of etcd beside this machine's: a snapshot would set it apart from them."""

    @property
    def directory(self) -> str:
        return f"{names.BACKUPS_DIR}/{self.name}"

    @property
    def note(self) -> str:
        return f"{self.directory}/{NOTE}"

    @property
    def snapshot(self) -> str:
        return f"{self.directory}/{SNAPSHOT}"

    def copy_of(self, path: str) -> str:
        """Where the copy of a file lies."""
        return f"{self.directory}/{FILES}{path}"

    def to_json(self, state: str = "") -> bytes:
        return json.dumps(asdict(replace(self, state=state or self.state)), indent=2).encode() + b"\n"


def read_backup(text: bytes) -> Backup | None:
    """None for what is no note of ours."""
    try:
        return Backup(**json.loads(text))
    except (ValueError, TypeError):
        return None
