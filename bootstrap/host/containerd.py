"""Images of a containerd, through `ctr` of our own image: what is there, and what is brought in, always pinned.

A bundle is streamed into its store, an import for each image, critical ones first: while one is unpacked the next one
is sent. What is there by digest is not sent again, so a load that was interrupted goes on where it stopped. Pinned: the
kubelet's garbage collection never takes it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import IO, cast

from bootstrap.host.archive import ArchiveWriter, header
from bootstrap.host.bundle import Bundle
from bootstrap.host.layout import Layout
from bootstrap.host.port import Host
from bootstrap.model.bundle import Member, blob_name, named
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.image import ARCHITECTURES, Platform, Resolved
from bootstrap.model.oci import INDEX_FILE, LAYOUT, LAYOUT_FILE, index_bytes
from bootstrap.model.reference import Reference
from bootstrap.render.loading import Group, groups, share_out

NAMESPACE = "k8s.io"
"""Where CRI looks for images."""
PINNED = "io.cri-containerd.pinned=pinned"
TIMEOUT = 3600.0
"""Seconds for an archive of any size on a slow disk."""
_BLOCK = 512
_CHUNK = 1 << 20
_PIPE = 1 << 20
"""Bytes between us and an import: the most that /proc/sys/fs/pipe-max-size allows by default."""


class Containerd:
    """The containerd of a machine that listens at `socket` (a path, or `unix://…`)."""

    def __init__(self, host: Host, socket: str) -> None:
        self._host = host
        self._socket = socket.removeprefix("unix://")

    def there(self) -> dict[str, tuple[str, bool]]:
        """Names of the images in the store, each with its digest and whether it is pinned."""
        rows = [line.split() for line in self._run("images", "ls").splitlines()[1:]]
        return {row[0]: (row[2], PINNED in row[-1]) for row in rows if row}

    def digest(self, image: Reference) -> str:
        """What the name stands for, if the image is complete and unpacked; empty otherwise. Raises BootstrapError."""
        try:
            lines = self._run("images", "check", f"name=={image}").splitlines()[1:]
        except BootstrapError as e:
            raise BootstrapError(
                "no containerd shows its images here",
                code=Exit.EFFECT,
                details=e.details or (e.what,),
                fix="on a node: docker exec NAME bootstrap images pull …; on a host: mount its root at /host; "
                "into a folder: --to DIR",
            ) from e
        words = next((line.split() for line in lines), [])
        return words[2] if len(words) > 3 and words[3] == "complete" and words[-1] == "true" else ""

    def bring_in(self, image: Reference, found: Resolved, platform: Platform, layout: Layout) -> None:
        """Imports one image from a layout, by its tag and its digest: Pods may name it either way.

        Raises BootstrapError: exit 5 (containerd refused), 9 (it is something else afterwards), with nothing left.
        """
        proven = Reference(image.registry, image.repository, digest=found.top.digest)
        group = Group(found.top.document(), list(dict.fromkeys((str(image), str(proven)))), set())
        stored = self._stored()
        running = self._start(group, str(platform))
        try:
            for digest in dict.fromkeys((*found.documents, *(layer.digest for layer in found.layers))):
                if digest in stored:
                    continue
                with layout.open(digest) as blob:
                    member = Member(blob_name(digest), digest, layout.size(digest))
                    running.add(member, iter(partial(blob.read, _CHUNK), b""))
            running.end([])
        except BaseException:
            running.abort()
            raise
        if self.digest(image) != found.top.digest:
            self._run("images", "rm", str(image))
            raise BootstrapError(
                f"{image} is not {found.top.digest} after its import",
                code=Exit.IMAGE,
                fix="run the same command again: what is there is not brought again",
            )

    def import_archive(self, source: str) -> tuple[str, ...]:
        """Imports a `docker save` archive (a path here; `-`: standard input); the names in it.

        Raises BootstrapError (exit 5) when it is refused. `--local` prints one `unpacking NAME (DIGEST)...done` an
        image; without it there is a progress display that mangles names.
        """
        words = ("images", "import", "--local", f"--label={PINNED}", source)
        output = self._run(*words, timeout=TIMEOUT, keep_stdin=source == "-")
        return tuple(line.split()[1] for line in output.splitlines() if line.startswith("unpacking "))

    def load(
        self,
        bundle: Bundle,
        architecture: str,
        done: Callable[[str], None] = lambda name: None,
        only: Collection[str] | None = None,
    ) -> tuple[str, ...]:
        """Loads and pins what is not there already, and returns those names; `done` is called for each as it is usable.

        `only` names the images to look at, all of them if not given.

        Raises BootstrapError: exit 9 (the file changed since it was verified), 5 (containerd refused).
        """
        there = self.there()
        for image in bundle.manifest.images:
            wanted = only is None or image.reference in only
            if wanted and there.get(image.reference) == (image.target["digest"], False):
                self._run("images", "label", image.reference, PINNED)
        names = {name: digest for name, (digest, _) in there.items()}
        found = groups(bundle.manifest, bundle.documents, architecture, names, only)
        if not found:
            return ()
        share_out(found, self._stored())
        with ThreadPoolExecutor(len(found)) as pool:
            _Sending(found, pool, lambda group: self._start(group, f"linux/{architecture}", done)).run(bundle)
        return tuple(name for group in found for name in group.names)

    def _stored(self) -> set[str]:
        """Digests of the blobs that it has: an import may do without them."""
        return set(self._run("content", "ls", "-q").split())

    def _start(self, group: Group, platform: str, done: Callable[[str], None] = lambda name: None) -> _Import:
        options = ("--local", f"--platform={platform}", f"--label={PINNED}")
        return _Import([*self._ctr(), "images", "import", *options, "-"], group, done)

    def _run(self, *words: str, timeout: float = 60, keep_stdin: bool = False) -> str:
        return self._host.run([*self._ctr(), *words], timeout, keep_stdin=keep_stdin, here=True)

    def _ctr(self) -> tuple[str, ...]:
        """Asked each time: `init` makes the socket after this value."""
        return ("ctr", f"--address={self._host.reach(self._socket)}", f"--namespace={NAMESPACE}")


class _Sending:
    """The imports of one load, side by side: each is ended by a thread of its own once all its blobs were sent."""

    def __init__(self, found: list[Group], pool: ThreadPoolExecutor, start: Callable[[Group], _Import]) -> None:
        self._groups = found
        self._pool = pool
        self._start = start
        self._imports: dict[str, _Import] = {}
        self._ended: dict[str, Future[None]] = {}

    def run(self, bundle: Bundle) -> None:
        """Sends until nothing is unsent. On any failure no image is left half there."""
        try:
            self._end_sent()
            blobs = bundle.blobs()
            while any(group.unsent for group in self._groups):
                member, content = next(blobs)
                self._take(member, content)
            for future in self._ended.values():
                future.result()
        except BaseException:
            for running in self._imports.values():
                running.abort()
            raise

    def _take(self, member: Member, content: Iterator[bytes]) -> None:
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

    def _import(self, group: Group) -> _Import:
        if group.digest not in self._imports:
            self._imports[group.digest] = self._start(group)
        return self._imports[group.digest]


class _Import:
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

    def add(self, member: Member, content: Iterator[bytes]) -> None:
        try:
            self._input.write(header(member.name, member.size))
            for piece in content:
                self._input.write(piece)
            self._input.write(bytes(-member.size % _BLOCK))
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
        for name in self._group.names:
            self._done(name)

    def abort(self) -> None:
        """Ends the import: a stream that is cut leaves no image."""
        self._process.kill()
        self._process.wait()

    def _failure(self) -> BootstrapError:
        self._process.wait()
        self._errors.seek(0)
        return _refused(", ".join(self._group.names), self._errors.read().decode(errors="replace"))


def _refused(what: str, output: str) -> BootstrapError:
    lines = tuple(output.strip().splitlines()[-5:])
    return BootstrapError(f"containerd did not take {what}", code=Exit.EFFECT, details=lines)


def own_platform() -> Platform:
    """The platform of the machine that this runs on."""
    machine = os.uname().machine
    return Platform(ARCHITECTURES.get(machine, machine))
