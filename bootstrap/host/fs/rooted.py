"""Paths inside a root directory that is not ours: resolved step by step, so that no link and no race leads outside.

Every directory on the way is held open, and each step is taken from there without following a link. A link is read and
its text walked in the same way: an absolute one starts again at the root, `..` goes back one open directory and stops
at the root. What is finally done happens to a name in an open directory (`*at` calls), never to a path.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.host.fs.dirent import DirEntry, link_target
from bootstrap.host.fs.durable import make_directory
from bootstrap.model.errors import BootstrapError, Exit

MAX_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""
HOLD = os.O_PATH | os.O_DIRECTORY
STEP = HOLD | os.O_NOFOLLOW


@contextmanager
def locate(root: str, path: str, *, follow: bool = True, make: bool = False) -> Iterator[DirEntry]:
    """Where `path` is below `root`; the place need not exist, its directory must, or is made with `make` (0755).

    `follow` resolves the last name too, when it is a link. Raises OSError as a plain system call would (ELOOP after 40
    links), and BootstrapError (exit 5) for a link in a directory that every user can write to.
    """
    walk = _Walk(root, make)
    try:
        yield walk.to(path, follow)
    finally:
        walk.close()


class _Walk:
    def __init__(self, root: str, make: bool) -> None:
        self._make = make
        self._links = 0
        self._names: list[str] = []
        self._fds = [os.open(root, HOLD)]

    def to(self, path: str, follow: bool) -> DirEntry:
        ahead = _parts(path)
        while ahead:
            name = ahead.pop()
            if name == "..":
                self._up()
            elif not ahead and not follow:
                return self._place(name)
            elif ahead and self._enter(name):
                continue
            elif (target := self._target(name)) is not None:
                self._check_link(name)
                if target.startswith("/"):
                    self._to_root()
                ahead += _parts(target)
            elif ahead:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._place(name).path)
            else:
                return self._place(name)
        return DirEntry(self._fds[-1], ".", "/" + "/".join(self._names))

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)

    def _place(self, name: str) -> DirEntry:
        return DirEntry(self._fds[-1], name, "/" + "/".join([*self._names, name]))

    def _enter(self, name: str) -> bool:
        """Go into a real directory; False for anything else that exists."""
        try:
            fd = os.open(name, STEP, dir_fd=self._fds[-1])
        except NotADirectoryError:
            return False
        except FileNotFoundError:
            if not self._make:
                raise
            make_directory(self._place(name), 0o755)
            fd = os.open(name, STEP, dir_fd=self._fds[-1])
        self._fds.append(fd)
        self._names.append(name)
        return True

    def _up(self) -> None:
        if self._names:
            self._names.pop()
            os.close(self._fds.pop())

    def _to_root(self) -> None:
        while self._names:
            self._up()

    def _target(self, name: str) -> str | None:
        return link_target(DirEntry(self._fds[-1], name, ""))

    def _check_link(self, name: str) -> None:
        self._links += 1
        if self._links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self._place(name).path)
        if os.fstat(self._fds[-1]).st_mode & 0o002:
            raise unsafe_link(self._place(name).path)


def _parts(path: str) -> list[str]:
    """The names of a path, last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def unsafe_link(path: str) -> BootstrapError:
    """Refuses a link that anybody may have planted (exit 5)."""
    return BootstrapError(
        f"{path} is a link in a directory that every user can write to, and is not followed",
        code=Exit.EFFECT,
        why="any user could have put it there, to lead what root writes to another place",
        fix=f"replace the link by a real directory or file, or: chmod o-w {os.path.dirname(path)}",
    )
