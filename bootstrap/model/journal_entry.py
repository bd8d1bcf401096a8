"""What was there before us: the journal's entries, which reset restores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PATH = "path"
TREE = "tree"
UNIT = "unit"
SYSCTL = "sysctl"
MODULE = "module"
NETWORK = "network"
IMAGES = "images"
KINDS = (PATH, TREE, UNIT, SYSCTL, MODULE, NETWORK, IMAGES)


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
    | images | CRI socket (URL) of a runtime of others | `names` of the images in it |
    """

    kind: str
    name: str
    before: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
