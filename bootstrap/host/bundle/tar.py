"""The tar of a bundle: plain files with one possible header each, in an order that is known before.

A reader knows from the signed manifest which member comes next and how long it is, so it makes the header that must be
there and compares 512 bytes. Links, devices, paths, times, extensions: whatever is not that header is refused alike.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from typing import Protocol

from bootstrap.model.images.bundle import ArchiveMember, Damaged

BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_KINDS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"5": "a folder"}
_KINDS |= {b"6": "a FIFO", b"S": "a sparse file", b"x": "an extended header", b"g": "an extended header"}
_OCTAL = re.compile(rb"[0-7]{11}")
_KINDS |= {b"L": "a long name", b"K": "a long link"}


class Readable(Protocol):
    """What an archive is read from: never more bytes than asked for, empty at the end."""

    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...


def header(name: str, size: int) -> bytes:
    """The one header that a file of this name and size has."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.USTAR_FORMAT)


class ArchiveWriter:
    """Writes members one after another; each is held to the size and the digest that was announced."""

    def __init__(self, output: Writable) -> None:
        self._output = output
        self._hashed = hashlib.sha256()
        self._size = 0

    def add(self, name: str, content: bytes) -> None:
        self._output.write(header(name, len(content)) + content + padding(len(content)))

    def begin(self, member: ArchiveMember) -> None:
        """What is written after this is the member's content, until `end`."""
        self._output.write(header(member.name, member.size))
        self._hashed, self._size = hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._hashed.update(data)
        self._size += len(data)
        self._output.write(data)
        return len(data)

    def end(self, member: ArchiveMember) -> None:
        """Raises Damaged when the content is not what was announced."""
        if (f"sha256:{self._hashed.hexdigest()}", self._size) != (member.digest, member.size):
            raise Damaged(f"{member.name} came from its source with other bytes than it should have")
        self._output.write(padding(member.size))

    def close(self) -> None:
        self._output.write(bytes(2 * BLOCK))


class ArchiveReader:
    """Reads members in the order in which the caller names them. Raises Damaged at the first difference."""

    def __init__(self, source: Readable) -> None:
        self._source = source

    def small(self, name: str, limit: int) -> bytes:
        """A member whose size only its header says: bounded by `limit`."""
        found = self._exactly(BLOCK, name)
        size = _said_size(found)
        if found != header(name, min(size, limit)):
            raise Damaged(_difference(found, name) or f"{name} says that it has {size} bytes, over {limit}")
        content = self._exactly(size, name)
        self._skip_padding(size, name)
        return content

    def content(self, member: ArchiveMember) -> Iterator[bytes]:
        """The bytes of a member whose size and digest are known; the last piece comes once they are proven."""
        found = self._exactly(BLOCK, member.name)
        if found != header(member.name, member.size):
            raise Damaged(_difference(found, member.name) or _other_size(found, member))
        hashed, left, kept = hashlib.sha256(), member.size, b""
        while left:
            if kept:
                yield kept
            kept = self._some(min(left, _CHUNK), member.name)
            hashed.update(kept)
            left -= len(kept)
        if f"sha256:{hashed.hexdigest()}" != member.digest:
            raise Damaged(f"{member.name} has other bytes than its digest says")
        self._skip_padding(member.size, member.name)
        yield kept

    def end(self) -> None:
        """The end of the archive, and nothing instead of it."""
        found = self._exactly(BLOCK, "the end")
        if found != bytes(BLOCK):
            raise Damaged(f"it has a member that its manifest does not name: {_shown_name(found)}")
        if self._exactly(BLOCK, "the end") != bytes(BLOCK):
            raise Damaged("something follows behind its last member")

    def _some(self, size: int, name: str) -> bytes:
        found = self._source.read(size)
        if not found:
            raise Damaged(f"it ends where {name} should be")
        return found

    def _exactly(self, size: int, name: str) -> bytes:
        content = bytearray()
        while len(content) < size:
            content += self._some(size - len(content), name)
        return bytes(content)

    def _skip_padding(self, size: int, name: str) -> None:
        rest = padding(size)
        if rest and self._exactly(len(rest), name) != rest:
            raise Damaged(f"something is hidden behind {name}")


def padding(size: int) -> bytes:
    """What fills a member's last block."""
    return bytes(-size % BLOCK)


def _said_size(found: bytes) -> int:
    """Octal digits alone: `int` would also read signs, blanks and underscores."""
    if not _OCTAL.fullmatch(found[124:135]):
        raise Damaged(f"its header says {ascii(found[124:136].rstrip(bytes(1)))[1:]} where a size should be")
    return int(found[124:135], 8)


def _difference(found: bytes, name: str) -> str:
    """Why a header is not that of a file called `name`, empty when only its size differs."""
    if found == bytes(BLOCK):
        return f"{name} is missing: the archive ends before it"
    kind, there = found[156:157], _shown_name(found)
    if kind in _KINDS:
        return f"it has {_KINDS[kind]} ({there}) where {name} should be"
    if found[:100].rstrip(b"\0") != name.encode():
        return f"it has {there} where {name} should be"
    same = _without_size(found) == _without_size(header(name, 0))
    return "" if same else f"the header of {name} is not as a bundle has it"


def _without_size(found: bytes) -> bytes:
    """A header without its size and its checksum."""
    return found[:124] + found[136:148] + found[156:]


def _other_size(found: bytes, member: ArchiveMember) -> str:
    return f"{member.name} says that it has {_said_size(found)} bytes, the manifest {member.size}"


def _shown_name(found: bytes) -> str:
    return ascii(found[:100].rstrip(b"\0").decode(errors="replace"))
