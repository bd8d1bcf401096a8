"""A control plane in memory whose etcd, and its tools, do what the real ones do with files and names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.port import UnitState
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.keys import CryptoKeySource
from tests.memory import Entry, MemoryHost

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA = names.ETCD_DATA_DIR
SELF = "node=https://192.0.2.1:2380"


class EtcdMachine(MemoryHost):
    """`said` are the etcd tools' commands; a word in `fails` makes the command fail that has it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[list[str]] = []
        self.fails: set[str] = set()
        self.members = [("node", "https://192.0.2.1:2380")]
        self.alarm = ""
        cfg = resolve(Documents(), Overrides(), ANY_HOST)
        for file in (*issue_pki(cfg, {}, CryptoKeySource(), NOW), *static_pods(cfg, ANY_HOST, {})):
            self.mkdir(file.path.rpartition("/")[0], 0o755)
            self.write(file.path, file.content, file.mode)
        self.mkdir(f"{DATA}/member/snap", 0o700)
        self.write(f"{DATA}/member/snap/db", b"old", 0o600)
        self.mkdir("/b", 0o700)
        self.units[names.KUBELET_SERVICE] = UnitState(active=True, enabled=True, started=0)
        self.log.clear()

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        if self.fails.intersection(argv):
            raise BootstrapError(f"{argv[0]} failed", code=Exit.EFFECT, details=("no",))
        tool = {"etcdctl": self._etcdctl, "etcdutl": self._etcdutl, "mv": self._move}.get(argv[0])
        if argv[0] == "crictl":
            return "{}"
        return tool(list(argv)) if tool else super().run(argv, timeout, here=here)

    def _etcdctl(self, argv: list[str]) -> str:
        words = [word for word in argv[1:] if not word.startswith("--")]
        self.said.append(words)
        if words[:2] == ["snapshot", "save"]:
            self.write(words[2], b"data of " + (self.read(f"{DATA}/member/snap/db") or b""), 0o600)
        answers: dict[str, Callable[[], str]] = {"endpoint": self._status, "member": self._members}
        if words[:2] == ["alarm", "disarm"]:
            self.alarm = ""
        if words[:2] == ["alarm", "list"]:
            return self.alarm
        return answers.get(words[0], str)()

    def _status(self) -> str:
        status = {"header": {"revision": 42}, "version": "3.7.0", "dbSize": 4096, "dbSizeInUse": 1024}
        return json.dumps([{"Endpoint": "x", "Status": status}])

    def _members(self) -> str:
        return json.dumps({"members": [{"ID": 1, "name": name, "peerURLs": [url]} for name, url in self.members]})

    def _etcdutl(self, argv: list[str]) -> str:
        self.said.append(argv[1:])
        if argv[2] == "status":
            return json.dumps({"hash": 255, "revision": 42, "totalKey": 7, "totalSize": 4096, "version": "3.7.0"})
        folder = next(word.partition("=")[2] for word in argv if word.startswith("--data-dir="))
        assert self.stat(folder) is None, "etcdutl refuses a directory that is there"
        self.mkdir(f"{folder}/member/snap", 0o700)
        self.write(f"{folder}/member/snap/db", b"new", 0o600)
        return ""

    def _move(self, argv: list[str]) -> str:
        one, other = argv[-2:]
        self._tick(" ".join(argv))
        mine, theirs = self._taken(one), self._taken(other)
        self.entries.update({other + below: entry for below, entry in mine.items()})
        assert not theirs or "--exchange" in argv
        self.entries.update({one + below: entry for below, entry in theirs.items()})
        return ""

    def _taken(self, path: str) -> dict[str, Entry]:
        found = [name for name in self.entries if name == path or name.startswith(f"{path}/")]
        return {name[len(path) :]: self.entries.pop(name) for name in found}

    @property
    def data(self) -> bytes | None:
        return self.read(f"{DATA}/member/snap/db")
