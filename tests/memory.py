"""A host in memory, for tests of pure logic. The contract suite holds it to the promises of the live one."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bootstrap.host.fs.errors import file_error
from bootstrap.host.fs.lock import left_there
from bootstrap.host.fs.rmtree import mounted, refuse_protected
from bootstrap.host.fs.rooted import MAX_LINKS, unsafe_link
from bootstrap.host.port import Stat, UnitState
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit


@dataclass(frozen=True)
class Entry:
    """What has a name: `content` is a file's bytes or a link's text."""

    kind: Literal["file", "dir", "link", "device"]
    mode: int
    content: bytes = b""
    owner: tuple[int, int] = (0, 0)
    mtime: float = 0.0


class MemoryHost:
    """Entries by path, units by name; `log` says what was changed, in order; time moves by one per change."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {"/": Entry("dir", 0o755), "/etc": Entry("dir", 0o755)}
        self.mounts: set[str] = set()
        self.units: dict[str, UnitState] = {}
        self.outputs: dict[str, str] = {}
        self.networks: dict[str, tuple[str, ...]] = {}
        self.image_ids: dict[str, dict[str, str]] = {}
        self.log: list[str] = []
        self._locked: set[str] = set()
        self._now = 0.0
        self._mutex = threading.Lock()

    @property
    def changes(self) -> list[str]:
        """What was changed, but for the journal."""
        return [line for line in self.log if names.WORK_DIR not in line]

    def _tick(self, what: str) -> float:
        with self._mutex:
            self._now += 1
            self.log.append(what)
            return self._now

    def read(self, path: str) -> bytes | None:
        entry = self._look(path)
        if entry and entry.kind != "file":
            raise file_error("read", path, _os_error(errno.EISDIR if entry.kind == "dir" else errno.EINVAL))
        return entry.content if entry else None

    def digest(self, path: str) -> str | None:
        content = self.read(path)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def stat(self, path: str) -> Stat | None:
        entry = self._look(path)
        if entry is None:
            return None
        kind = entry.kind if entry.kind in ("file", "dir") else "other"
        return Stat(entry.mode, entry.mtime, kind, *entry.owner, len(entry.content))  # type: ignore[arg-type]

    def readlink(self, path: str) -> str | None:
        entry = self._look(path, follow=False)
        return entry.content.decode() if entry and entry.kind == "link" else None

    def resolve(self, path: str) -> str:
        try:
            return self._walk(path)
        except (FileNotFoundError, NotADirectoryError):
            return path

    def listdir(self, path: str) -> tuple[str, ...]:
        entry = self._look(path)
        if entry is None or entry.kind != "dir":
            return ()
        return tuple(sorted(name.rpartition("/")[2] for name in self._children(self._walk(path))))

    def unit(self, name: str) -> UnitState:
        return self.units.get(name, UnitState(active=False, enabled=False, started=0))

    def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
        place = self._target("write", path)
        self._refuse("write", path, place, ("file",))
        self.entries[place] = Entry("file", mode, content, owner, self._tick(f"write {path}"))

    def append(self, path: str, content: bytes, mode: int) -> None:
        place = self._target("write", path)
        self._refuse("write", path, place, ("file",))
        before = self.entries.get(place, Entry("file", mode))
        self.entries[place] = replace(before, content=before.content + content, mtime=self._tick(f"append {path}"))

    def install(self, source: str, path: str, mode: int) -> None:
        self.write(path, Path(source).read_bytes(), mode)

    def install_tree(self, source: str, path: str) -> None:
        self.mkdir(path, Path(source).stat().st_mode & 0o7777)
        for child in sorted(Path(source).iterdir()):
            if child.is_symlink():
                self.symlink(os.readlink(child), f"{path}/{child.name}")
            elif child.is_dir():
                self.install_tree(str(child), f"{path}/{child.name}")
            else:
                self.install(str(child), f"{path}/{child.name}", child.stat().st_mode & 0o7777)

    def symlink(self, target: str, path: str) -> None:
        place = self._target("link", path, follow=False)
        self._refuse("link", path, place, ("file", "link", "device"))
        self.entries[place] = Entry("link", 0o777, target.encode(), mtime=self._tick(f"link {path}"))

    def set_sysctl(self, key: str, value: str) -> None:
        path = self._target("set", "/proc/sys/" + key.replace(".", "/"), make=True)
        self.entries[path] = Entry("file", 0o644, f"{value}\n".encode(), mtime=self._tick(f"sysctl {key}={value}"))

    def mkdir(self, path: str, mode: int) -> None:
        place = self._target("make", path, make=True)
        before = self.entries.get(place, Entry("dir", mode))
        if before.kind != "dir":
            raise file_error("make", path, _os_error(errno.ENOTDIR))
        self.entries[place] = replace(before, mode=mode, mtime=self._tick(f"mkdir {path}"))

    def remove(self, path: str) -> None:
        if self._look(path, follow=False) is None:
            return
        place = self._target("remove", path, follow=False)
        self._refuse("remove", path, place, ("file", "link", "device"))
        del self.entries[place]
        self._tick(f"remove {path}")

    def remove_tree(self, path: str) -> None:
        if self._look(path, follow=False) is None:
            return
        place = self._target("remove", path, follow=False)
        refuse_protected(place)
        if points := [m for m in self.mounts if m == place or m.startswith(f"{place}/")]:
            raise mounted(sorted(points))
        for name in [place, *(name for name in self.entries if name.startswith(f"{place}/"))]:
            del self.entries[name]
        self._tick(f"remove_tree {path}")

    def remove_empty(self, path: str) -> None:
        if self._look(path, follow=False) is None:
            return
        place = self._target("remove", path, follow=False)
        if self.entries[place].kind == "dir" and not self._children(place):
            del self.entries[place]
            self._tick(f"remove {path}")

    def tidy(self, path: str) -> None:
        """Nothing here dies half way."""

    def network(self, kind: str) -> tuple[str, ...] | None:
        return self.networks.get(kind)

    def reach(self, path: str) -> str:
        return path

    def images(self, socket: str) -> dict[str, str] | None:
        return self.image_ids.get(socket)

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        self._tick(" ".join(argv))
        return self.outputs.get(" ".join(argv), "")

    def unmount(self, path: str) -> None:
        self._tick(f"unmount {path}")
        self.mounts.discard(path)

    def start_unit(self, name: str, *, enable: bool, restart: bool) -> None:
        now = self._tick(f"{'restart' if restart else 'start'} {name}")
        self.units[name] = UnitState(active=True, enabled=enable or self.unit(name).enabled, started=now)

    def stop_unit(self, name: str, *, disable: bool) -> None:
        if before := self.units.get(name):
            self._tick(f"stop {name}")
            self.units[name] = replace(before, active=False, enabled=before.enabled and not disable)

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        place = self._target("lock", path, make=True)
        with self._mutex:
            if place in self._locked:
                raise BootstrapError(f"another run holds {path}", code=Exit.CONFLICT)
            self._locked.add(place)
        try:
            yield
        finally:
            self._locked.remove(place)

    @contextmanager
    def lock_file(self, path: str) -> Iterator[None]:
        if self.stat(path):
            raise left_there(path)
        self.write(path, b"", 0)
        try:
            yield
        finally:
            self.remove(path)

    def _children(self, place: str) -> list[str]:
        return [name for name in self.entries if name != "/" and (name.rpartition("/")[0] or "/") == place]

    def _refuse(self, action: str, path: str, place: str, kinds: tuple[str, ...]) -> None:
        entry = self.entries.get(place)
        if entry and entry.kind not in kinds:
            raise file_error(action, path, _os_error(errno.EISDIR if entry.kind == "dir" else errno.EINVAL))

    def _look(self, path: str, *, follow: bool = True) -> Entry | None:
        try:
            return self.entries.get(self._walk(path, follow=follow))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            raise file_error("read", path, e) from e

    def _target(self, action: str, path: str, *, follow: bool = True, make: bool = False) -> str:
        try:
            return self._walk(path, follow=follow, make=make)
        except OSError as e:
            raise file_error(action, path, e) from e

    def _walk(self, path: str, *, follow: bool = True, make: bool = False) -> str:
        """Where a path is, links resolved; its directory exists."""
        ahead = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        here, links = "/", 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                here = here.rpartition("/")[0] or "/"
                continue
            name = f"{here.rstrip('/')}/{part}"
            entry = self.entries.get(name)
            if not ahead and (not follow or not entry or entry.kind != "link"):
                return name
            if entry is None:
                if not make:
                    raise _os_error(errno.ENOENT)
                entry = self.entries.setdefault(name, Entry("dir", 0o755))
            if entry.kind == "link":
                links += 1
                if links > MAX_LINKS:
                    raise _os_error(errno.ELOOP)
                if self.entries[here].mode & 0o002:
                    raise unsafe_link(name)
                target = entry.content.decode()
                here = "/" if target.startswith("/") else here
                ahead += [part for part in reversed(target.split("/")) if part not in ("", ".")]
            elif entry.kind == "dir":
                here = name
            else:
                raise _os_error(errno.ENOTDIR)
        return here


def _os_error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
