"""The live host: real files, real commands, real systemd, all below one root directory."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final, TypeVar

from bootstrap.host.commands import COMMAND_PATH, execute
from bootstrap.host.facts.netfilter import network_names
from bootstrap.host.fs import dirent, durable, lock, rmtree
from bootstrap.host.fs.dirent import DirEntry
from bootstrap.host.fs.errors import file_error, out_of_inodes
from bootstrap.host.fs.replace import remove_leftovers, replace_file, replace_link
from bootstrap.host.fs.rooted import locate
from bootstrap.host.port import Stat, UnitState
from bootstrap.host.runtime.cri import image_ids
from bootstrap.model.errors import BootstrapError, Exit

HOST_COMMAND_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the host's distribution has them; /usr/local is its users' own."""
NSENTER: Final = ("/usr/bin/nsenter", "--target=1", "--mount", "--uts", "--net", "--ipc", "--")
"""Runs a command as if it had been started on the host, whose PID 1 is ours with --pid=host."""
MOUNT = "/host"
"""Where the user mounts the root of the host."""
UNIT_TIMEOUT = 120.0
"""Seconds for systemd to start or stop a unit: its own limit is 90 (systemd-system.conf(5))."""
COPY_PIECE = 1 << 20
T = TypeVar("T")


class LiveHost:
    """A host whose files lie below `root`, and whose commands are started through `enter` when it is given."""

    def __init__(self, root: str = "/", enter: tuple[str, ...] = ()) -> None:
        self.root = root
        self._enter = enter

    def read(self, path: str) -> bytes | None:
        return self._look(path, dirent.content)

    def digest(self, path: str) -> str | None:
        return self._look(path, dirent.digest)

    def stat(self, path: str) -> Stat | None:
        return self._look(path, dirent.status)

    def readlink(self, path: str) -> str | None:
        return self._look(path, dirent.link_target, follow=False)

    def resolve(self, path: str) -> str:
        return self._look(path, lambda at: at.path) or path

    def listdir(self, path: str) -> tuple[str, ...]:
        return self._look(path, dirent.names) or ()

    def unit(self, name: str) -> UnitState:
        if not self._booted_by_systemd():  # a dry run needs no systemd
            return UnitState(active=False, enabled=False, started=0.0, sub_state="dead")
        began = ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        values = self._properties(name, "ActiveState", "SubState", "UnitFileState", *began)
        return UnitState(
            active=values.get("ActiveState") == "active",
            enabled=values.get("UnitFileState") in ("enabled", "static"),
            started=_monotonic_to_epoch(int(next(filter(None, map(values.get, began)), 0))),
            sub_state=values.get("SubState", ""),
        )

    def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
        self._change("write", path, lambda at: replace_file(at, lambda file: file.write(content), mode, owner))

    def install(self, source: str, path: str, mode: int) -> None:
        with open(source, "rb") as original:

            def copy(file: IO[bytes]) -> None:
                shutil.copyfileobj(original, file, COPY_PIECE)

            self._change("install", path, lambda at: replace_file(at, copy, mode, (0, 0)))
        self._relabel(path)

    def install_tree(self, source: str, path: str) -> None:
        self._change("install", path, lambda at: durable.copy_tree(source, at), make=True)
        self._relabel(path, "-R")

    def append(self, path: str, content: bytes, mode: int) -> None:
        self._change("write", path, lambda at: durable.append_file(at, content, mode))

    def set_sysctl(self, key: str, value: str) -> None:
        path = "/proc/sys/" + key.replace(".", "/")
        self._change("set", path, lambda at: durable.set_value(at, value))

    def symlink(self, target: str, path: str) -> None:
        self._change("link", path, lambda at: replace_link(at, target), follow=False)

    def mkdir(self, path: str, mode: int) -> None:
        self._change("make", path, lambda at: durable.make_directory(at, mode), make=True)

    def remove(self, path: str) -> None:
        if self._look(path, dirent.status, follow=False):
            self._change("remove", path, durable.unlink, follow=False)

    def remove_tree(self, path: str) -> None:
        if self._look(path, dirent.status, follow=False):
            self._change("remove", path, rmtree.remove_tree, follow=False)

    def remove_empty(self, path: str) -> None:
        if self._look(path, dirent.status, follow=False):
            self._change("remove", path, durable.remove_empty, follow=False)

    def tidy(self, path: str) -> None:
        if self._look(os.path.dirname(path), dirent.status):
            self._change("tidy", path, remove_leftovers, follow=False)

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        fd = self._change("lock", path, lock.acquire, make=True)
        try:
            yield
        finally:
            os.close(fd)

    @contextmanager
    def lock_file(self, path: str) -> Iterator[None]:
        self._change("make", path, lock.make_lock_file, follow=False)
        try:
            yield
        finally:
            self.remove(path)

    def network(self, kind: str) -> tuple[str, ...] | None:
        return network_names(self.run, kind)

    def reach(self, path: str) -> str:
        return path if self.root == "/" else self.root + self.resolve(path)

    def images(self, socket: str) -> dict[str, str] | None:
        return image_ids(self, socket)

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        if here or not self._enter:
            return execute(argv, COMMAND_PATH, timeout)
        entered = [*self._enter, self._host_command(argv[0]), *argv[1:]]
        return execute(entered, HOST_COMMAND_PATH, timeout, shown=" ".join(argv))

    def unmount(self, path: str) -> None:
        self.run(["umount", path])
        if self._enter:  # our container's copy keeps the directory busy; mounted after we began, it is not in there
            with contextlib.suppress(BootstrapError):
                self.run(["umount", "--lazy", MOUNT + path], here=True)

    def start_unit(self, name: str, *, enable: bool, restart: bool) -> None:
        self._systemctl("daemon-reload")
        if enable:
            self._systemctl("enable", name)
        self._systemctl("restart" if restart else "start", name)

    def stop_unit(self, name: str, *, disable: bool) -> None:
        if not self._booted_by_systemd() or self._properties(name, "LoadState").get("LoadState") == "not-found":
            return
        self._systemctl("stop", name)
        if disable:
            self._systemctl("disable", name)

    def _look(self, path: str, look: Callable[[DirEntry], T], *, follow: bool = True) -> T | None:
        try:
            with locate(self.root, path, follow=follow) as at:
                return look(at)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            raise file_error("read", path, e) from e

    def _change(
        self, action: str, path: str, change: Callable[[DirEntry], T], *, follow: bool = True, make: bool = False
    ) -> T:
        """Do something to a place; OSErrors, those on the way there too, become errors a user can act on."""
        try:
            with locate(self.root, path, follow=follow, make=make) as at:
                try:
                    return change(at)
                except OSError as e:
                    raise file_error(action, path, e, out_of_inodes(at.fd)) from e
        except OSError as e:
            raise file_error(action, path, e) from e

    def is_selinux_enforcing(self) -> bool:
        return self.read("/sys/fs/selinux/enforce") == b"1"

    def _relabel(self, path: str, *options: str) -> None:
        """Give what was installed the label that the host's policy has for it; a plain write takes its directory's."""
        if self._enter and self.is_selinux_enforcing() and self._find_command("restorecon"):
            self.run(["restorecon", "-F", *options, path])

    def _host_command(self, name: str) -> str:
        """The absolute path of a command, looked up in the host's files and not in any environment."""
        if name.startswith("/"):
            return name
        if found := self._find_command(name):
            return found
        raise BootstrapError(
            f"{name} is not installed on the host",
            code=Exit.EFFECT,
            why=f"it is in none of {HOST_COMMAND_PATH}",
            fix=f"install the package that has {name} on the host, then run the same command again",
        )

    def _find_command(self, name: str) -> str | None:
        for directory in HOST_COMMAND_PATH.split(":"):
            found = self.stat(f"{directory}/{name}")
            if found and found.kind == "file" and found.mode & 0o111:
                return f"{directory}/{name}"
        return None

    def _booted_by_systemd(self) -> bool:
        """sd_booted(3)."""
        found = self.stat("/run/systemd/system")
        return found is not None and found.is_dir

    def _properties(self, name: str, *properties: str) -> dict[str, str]:
        out = self._systemctl("show", name, f"--property={','.join(properties)}")
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def _systemctl(self, *args: str) -> str:
        return self.run(["systemctl", *args], UNIT_TIMEOUT)


def _monotonic_to_epoch(microseconds: int) -> float:
    return time.time() - time.monotonic() + microseconds / 1e6 if microseconds else 0.0
