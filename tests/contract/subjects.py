"""The hosts that keep one set of promises, and what a test needs to make a mess on them."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bootstrap.host.live import LiveHost
from bootstrap.host.port import Host
from tests.memory import Entry, MemoryHost


class Subject(Protocol):
    """A host and a way past its port: what a user, or an attacker, does to it."""

    host: Host

    def link(self, path: str, target: str) -> None: ...

    def directory(self, path: str, mode: int = 0o755) -> None: ...

    def file(self, path: str, content: bytes = b"theirs", mode: int = 0o644) -> None: ...

    def device(self, path: str) -> None: ...

    def mount(self, path: str) -> None: ...

    def unmount(self, path: str) -> None: ...

    def snapshot(self) -> dict[str, tuple[str, int, tuple[int, int], bytes]]:
        """Kind, mode, owner and content of everything below the root."""


class Memory:
    def __init__(self) -> None:
        self.host: MemoryHost = MemoryHost()
        self.host.entries = {"/": Entry("dir", 0o755)}

    def link(self, path: str, target: str) -> None:
        self.host.entries[path] = Entry("link", 0o777, target.encode())

    def directory(self, path: str, mode: int = 0o755) -> None:
        parents = [str(parent) for parent in Path(path).parents]
        for parent in parents:
            self.host.entries.setdefault(parent, Entry("dir", 0o755))
        self.host.entries[path] = Entry("dir", mode)

    def file(self, path: str, content: bytes = b"theirs", mode: int = 0o644) -> None:
        self.host.entries[path] = Entry("file", mode, content)

    def device(self, path: str) -> None:
        self.host.entries[path] = Entry("device", 0o666)

    def mount(self, path: str) -> None:
        self.host.mounts.add(path)

    def unmount(self, path: str) -> None:
        self.host.mounts.discard(path)

    def snapshot(self) -> dict[str, tuple[str, int, tuple[int, int], bytes]]:
        return {name: (e.kind, e.mode, e.owner, e.content) for name, e in sorted(self.host.entries.items())}


class Live:
    """Below `top/root`; `top` itself stands for the container, and must never change."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.root = top / "root"
        self.root.mkdir(mode=0o755)
        self.root.chmod(0o755)
        self.host: Host = LiveHost(str(self.root))

    def link(self, path: str, target: str) -> None:
        self._at(path).symlink_to(target)

    def directory(self, path: str, mode: int = 0o755) -> None:
        self._at(path).mkdir(parents=True, exist_ok=True)
        self._at(path).chmod(mode)

    def file(self, path: str, content: bytes = b"theirs", mode: int = 0o644) -> None:
        self._at(path).write_bytes(content)
        self._at(path).chmod(mode)

    def device(self, path: str) -> None:
        os.mknod(self._at(path), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        self._at(path).chmod(0o666)

    def mount(self, path: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self._at(path)], check=True)

    def unmount(self, path: str) -> None:
        subprocess.run(["umount", self._at(path)], check=True)

    def snapshot(self) -> dict[str, tuple[str, int, tuple[int, int], bytes]]:
        return {str(p).removeprefix(str(self.root)) or "/": _described(p) for p in walk(self.root)}

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def walk(top: Path) -> Iterator[Path]:
    """A directory and everything in it; links are not followed."""
    yield top
    for folder, directories, files in os.walk(top):
        yield from (Path(folder, name) for name in sorted(directories + files))


def _described(path: Path) -> tuple[str, int, tuple[int, int], bytes]:
    found = path.lstat()
    owner = (found.st_uid, found.st_gid)
    if stat.S_ISLNK(found.st_mode):
        return "link", 0o777, owner, os.readlink(path).encode()
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISDIR(found.st_mode):
        return "dir", mode, owner, b""
    if stat.S_ISREG(found.st_mode):
        return "file", mode, owner, path.read_bytes()
    return "device", mode, owner, b""
