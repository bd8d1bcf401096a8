"""Image layers as plain directory trees: the same tree always gives the same tar, hence the same digest.

The images inside our image are stored once, as the unpacked snapshots that containers run from. A layer's tar is made
again from its tree when a host or a registry needs it: names sorted, root as owner, no times, no extended attributes.
Its sha256 is the layer's digest *and* its diffID, since the layers are not compressed.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20


def write_layer(tree: Path, output: IO[bytes]) -> str:
    """Write the tar of a tree (without the top folder itself) and return its digest as ``sha256:…``."""
    hashing = HashingWriter(output)
    with tarfile.open(fileobj=hashing, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as archive:
        for path in _sorted_paths(tree):
            member = _member(tree, path)
            if member.isreg():
                with path.open("rb") as content:
                    archive.addfile(member, content)
            else:
                archive.addfile(member)
    return f"sha256:{hashing.digest.hexdigest()}"


def layer_digest(tree: Path) -> tuple[str, int]:
    """The digest and the size in bytes of a tree's layer, without keeping the tar."""
    counter = _Counter()
    digest = write_layer(tree, counter)
    return digest, counter.size


def _sorted_paths(tree: Path) -> Iterator[Path]:
    """Everything below a tree: a folder before what is in it, siblings by name."""
    for entry in sorted(os.scandir(tree), key=lambda found: found.name):
        path = Path(entry.path)
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _sorted_paths(path)


def _member(tree: Path, path: Path) -> tarfile.TarInfo:
    """The header of one path: its name, kind, mode and size, and nothing of the machine it lies on."""
    status = path.lstat()
    member = tarfile.TarInfo(path.relative_to(tree).as_posix())
    member.mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        member.type = tarfile.SYMTYPE
        member.linkname = os.readlink(path)
        member.mode = 0o777
    elif stat.S_ISREG(status.st_mode):
        member.size = status.st_size
    else:
        raise ValueError(f"{path}: a layer holds files, folders and symbolic links only")
    return member


class HashingWriter(io.RawIOBase):
    """Passes bytes on and hashes them on the way."""

    def __init__(self, output: IO[bytes]) -> None:
        super().__init__()
        self.digest = hashlib.sha256()
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # tarfile writes bytes only
        self.digest.update(data)
        self._output.write(data)
        return len(data)


class _Counter(io.BytesIO):
    """Counts what is written and forgets it."""

    size = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]  # tarfile writes bytes only
        self.size += len(data)
        return len(data)
