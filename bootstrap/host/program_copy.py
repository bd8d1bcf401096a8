"""The program on a host: its files and those of its interpreter, where nothing of ours runs in a container any more.

The tree is a root directory that systemd enters for a unit (RootDirectory=), with the host's own root mounted in it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from bootstrap.host.live import MOUNT, NSENTER
from bootstrap.host.port import Host
from bootstrap.host.program import FOLDER, LAUNCHER
from bootstrap.model import names

TOOLS = ("crictl", "etcdctl", "etcdutl")
"""What the program runs itself; the host has them already."""


def copy_program(host: Host, root: str) -> None:
    """Put it there, in the place of an older one."""
    host.remove_tree(root)
    host.mkdir(root + MOUNT, 0o755)
    for tree in _trees():
        host.install_tree(tree, root + tree)
    for path in (*_files(), *_links()):
        host.mkdir(root + os.path.dirname(path), 0o755)
    for file in _files():
        host.install(file, root + file, 0o755)
    for link in _links():
        host.symlink(os.readlink(link), root + link)
    for tool in TOOLS:
        host.symlink(f"{MOUNT}{names.HOST_BIN_DIR}/{tool}", f"{root}/usr/bin/{tool}")
    host.write(f"{root}/{names.STAMP}", identity(), 0o644)


def identity() -> bytes:
    """By the names, sizes and times of its files, but for those that Python keeps for itself when it runs."""
    digest = hashlib.sha256()
    for path in _contents():
        found = os.lstat(path)
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return f"{digest.hexdigest()}\n".encode()


def _trees() -> tuple[str, ...]:
    """The program, its packages, Python's library, and the libraries of the system."""
    libraries = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
    folders = (str(FOLDER), str(FOLDER.parent / "site"), sysconfig.get_path("stdlib"), libraries)
    return tuple(filter(os.path.isdir, folders))


def _files() -> tuple[str, ...]:
    return tuple(filter(os.path.isfile, (LAUNCHER, os.path.realpath(sys.executable), NSENTER[0])))


def _links() -> tuple[str, ...]:
    """Names that the interpreter is started and linked by."""
    linkers = sorted(map(str, Path("/usr").glob("lib*/ld-linux*")))
    return tuple(filter(os.path.islink, ("/lib", "/lib64", sys.executable, *linkers)))


def _contents() -> Iterator[str]:
    yield from _files()
    for tree in _trees():
        yield from sorted(str(path) for path in Path(tree).rglob("*") if "__pycache__" not in path.parts)
