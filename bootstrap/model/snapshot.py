"""A snapshot of an etcd, and what the note beside it says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

SUFFIX = ".db"
SCHEDULED = "scheduled-"
"""What the names begin with that a timer gives: the only ones that are ever removed."""
NOTE = ".json"
"""Of the note's name, after the snapshot's."""


@dataclass(frozen=True)
class Snapshot:
    """`cluster` is the hash of the CA's public key, as join lines have it: etcd's own id does not outlive a restore.

    `hash`, `revision`, `keys` and `size` (bytes) are etcdutl's; `sha256` is of the whole file; `version` is
    etcd's; `taken` is UTC; `encrypted` are the keys, `key1 key2`, that its Secrets may need.
    """

    cluster: str
    hash: str
    revision: int
    keys: int
    size: int
    sha256: str
    version: str
    taken: str
    encrypted: str = ""

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=2) + "\n").encode()


def noted(content: bytes) -> Snapshot | None:
    """What a note says, whatever else is in it; None when it is none."""
    try:
        said: Any = json.loads(content)
    except ValueError:
        return None
    if not isinstance(said, Mapping):
        return None
    values = {field.name: said.get(field.name, field.default) for field in fields(Snapshot)}
    kinds = {field.name: int if field.type == "int" else str for field in fields(Snapshot)}
    if any(not isinstance(value, kinds[name]) or isinstance(value, bool) for name, value in values.items()):
        return None
    return Snapshot(**values)


def refused(snapshot: Snapshot | None, sha256: str, cluster: str, *, any_cluster: bool) -> str:
    """Why a file is not put back into `cluster`; empty where it may be. `snapshot` is its note, None without one."""
    if snapshot is not None and snapshot.sha256 != sha256:
        return f"it is damaged: its sha256 is {sha256[:12]}…, and was {snapshot.sha256[:12]}… when it was taken"
    if any_cluster:
        return ""
    if snapshot is None:
        return f"no note ({NOTE}) beside it says of which cluster it is, nor whether it is whole"
    if snapshot.cluster != cluster:
        return f"it is of another cluster (CA {snapshot.cluster[:19]}…; here {cluster[:19]}…)"
    return ""
