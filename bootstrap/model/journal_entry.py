"""What was there before us: the journal's entries, which reset restores."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PATH = "path"
TREE = "tree"
UNIT = "unit"
SYSCTL = "sysctl"
MODULE = "module"
NETWORK = "network"
IMAGES = "images"
ADDRESS = "address"
KINDS = (PATH, TREE, UNIT, SYSCTL, MODULE, NETWORK, IMAGES, ADDRESS)
FORMAT = 1
"""Of the journal's lines. New kinds and fields do not change it: who does not know them keeps them."""


@dataclass(frozen=True)
class Entry:
    """The state of one thing before our first change of it; None when it was not there.

    | kind | name | before |
    |---|---|---|
    | path | absolute path | `type` (file, link, dir), `mode`, `uid`, `gid`, `content` (base64) or `target` |
    | tree | absolute path of a directory | `entries`: the names in it; `mounted`: whether it was a mount point |
    | unit | unit name | `active`, `enabled` |
    | sysctl | key | `value` |
    | module | name | `{}` when it was loaded |
    | network | `links`, `nftables`, `iptables` or `ip6tables` | `names`: links, tables or chains |
    | address | IP address | `names`: where it was (`interface address/prefix`) |
    | images | CRI socket (URL) of a runtime of others | `names` of the images in it |
    """

    kind: str
    name: str
    before: Mapping[str, Any] | None
    verb: str = field(default="", compare=False)
    """Whose change it was: `init`, `join`, …; empty in what an early version wrote."""

    @property
    def is_understood(self) -> bool:
        """False for a kind that a later version has added, and for a state that is not whole: both can only be kept."""
        return self.kind in KINDS and (self.before is None or _fits(self.kind, self.before))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


_FIELDS: Mapping[str, Mapping[str, type]] = {
    TREE: {"entries": list},
    UNIT: {"active": bool, "enabled": bool},
    SYSCTL: {"value": str},
    MODULE: {},
    NETWORK: {"names": list},
    IMAGES: {"names": list},
    ADDRESS: {"names": list},
}
_OWNED = {"mode": int, "uid": int, "gid": int}
_PATH_FIELDS: Mapping[str, Mapping[str, type]] = {
    "file": {**_OWNED, "content": str},
    "dir": _OWNED,
    "link": {"target": str},
}


def _fits(kind: str, before: Mapping[str, Any]) -> bool:
    fields = _PATH_FIELDS.get(str(before.get("type"))) if kind == PATH else _FIELDS[kind]
    if fields is None or not all(isinstance(before.get(name), type_) for name, type_ in fields.items()):
        return False
    try:
        base64.b64decode(before.get("content", ""), validate=True)
    except ValueError:
        return False
    return True


def parsed_entry(line: Any) -> Entry | None:
    """The entry in a line's JSON value, whatever else is in it; None when it is no entry."""
    if not isinstance(line, Mapping):
        return None
    kind, name, before, verb = (line.get(key) for key in ("kind", "name", "before", "verb"))
    if not (isinstance(kind, str) and isinstance(name, str) and (before is None or isinstance(before, Mapping))):
        return None
    return Entry(kind, name, before, verb if isinstance(verb, str) else "")
