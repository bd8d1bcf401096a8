"""`ctr images import`, fed by us: a bundle is streamed into a containerd, an import for each image.

While one image is unpacked the next one is sent; a blob that several images share is sent once.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import IO, Self, cast

from bootstrap.host.bundle.file import BundleFile
from bootstrap.host.bundle.tar import ArchiveWriter, header, padding
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import ArchiveMember, named
from bootstrap.model.images.oci import INDEX_FILE, LAYOUT, LAYOUT_FILE, index_bytes
from bootstrap.render.bundle.loading import Group

_PIPE = 1 << 20
"""Bytes between us and an import: the most that /proc/sys/fs/pipe-max-size allows by default."""


PAUSE = 0.2
Part = Callable[[Collection[str], threading.Event], tuple[str, ...]]


class Sending:
    """The imports of one load, side by side: each is ended by a thread of its own once all its blobs were sent.

    The bundle is read once, however many parts are asked for. Leaving it ends what is not finished: no image is half
    there.
    """

    def __init__(self, bundle: BundleFile, found: list[Group], start: Callable[[Group], Import]) -> None:
        self._blobs = bundle.blobs()
        self._groups = found
        self._start = start
        self._pool = ThreadPoolExecutor(max(len(found), 1))
        self._imports: dict[str, Import] = {}
        self._ended: dict[str, Future[None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for running in self._imports.values():
            running.abort()
        self._pool.shutdown()

    def part(self, names: Collection[str], over: threading.Event) -> tuple[str, ...]:
        """Sends until all of these are usable; the ones that were not there before. Raises BootstrapError.

        It breaks off between two blobs, and while it waits, once `over` is set.
        """
        wanted = [group for group in self._groups if not set(names).isdisjoint(group.references)]
        self._end_sent()
        while any(group.digest not in self._ended for group in wanted):
            _check(over)
            self._take(*next(self._blobs))
        for group in wanted:
            ending = self._ended[group.digest]
            while not wait([ending], timeout=PAUSE).done:
                _check(over)
            ending.result()
        return tuple(name for group in wanted for name in group.references if name in names)

    def _take(self, member: ArchiveMember, content: Iterator[bytes]) -> None:
        group = next((g for g in self._groups if member.digest in g.unsent), None)
        if group is None:
            for _ in content:
                pass
            return
        self._import(group).add(member, content)
        group.unsent.discard(member.digest)
        self._end_sent()

    def _end_sent(self) -> None:
        """An image waits only for images before it, so one round is enough."""
        for group in self._groups:
            if group.digest not in self._ended and not group.unsent and group.needs <= set(self._ended):
                before = [self._ended[digest] for digest in group.needs]
                self._ended[group.digest] = self._pool.submit(self._import(group).end, before)

    def _import(self, group: Group) -> Import:
        if group.digest not in self._imports:
            self._imports[group.digest] = self._start(group)
        return self._imports[group.digest]


def _check(over: threading.Event) -> None:
    if over.is_set():
        raise BootstrapError("the load of the bundle was broken off", code=Exit.INTERRUPTED)


class Import:
    """One `ctr images import` that reads from us."""

    def __init__(self, command: list[str], group: Group, done: Callable[[str], None]) -> None:
        self._group = group
        self._done = done
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors, pipesize=_PIPE
        )
        self._input = cast(IO[bytes], self._process.stdin)
        self._archive = ArchiveWriter(self._input)

    def add(self, member: ArchiveMember, content: Iterator[bytes]) -> None:
        try:
            self._input.write(header(member.name, member.size))
            for piece in content:
                self._input.write(piece)
            self._input.write(padding(member.size))
        except BrokenPipeError:
            raise self._failure() from None

    def end(self, before: list[Future[None]]) -> None:
        """Ends the archive once the blobs that came with other images are in the store."""
        for other in before:
            other.result()
        try:
            self._archive.add(LAYOUT_FILE, LAYOUT)
            self._archive.add(INDEX_FILE, index_bytes([named(self._group.target, n) for n in self._group.names]))
            self._archive.close()
            self._input.close()
        except BrokenPipeError:
            raise self._failure() from None
        if self._process.wait():
            raise self._failure()
        for name in self._group.references:
            self._done(name)

    def abort(self) -> None:
        """Ends the import: a stream that is cut leaves no image."""
        self._process.kill()
        self._process.wait()

    def _failure(self) -> BootstrapError:
        self._process.wait()
        self._errors.seek(0)
        return _refused(", ".join(self._group.references), self._errors.read().decode(errors="replace"))


def _refused(what: str, output: str) -> BootstrapError:
    lines = without_warnings(output.strip().splitlines())[-5:]
    return BootstrapError(f"containerd did not take {what}", code=Exit.EFFECT, details=lines)


def without_warnings(lines: Sequence[str]) -> tuple[str, ...]:
    """What `ctr` says of a failure, without what containerd says of the machine at every call."""
    return tuple(line.removeprefix("ctr: ") for line in lines if " level=warning " not in line)
