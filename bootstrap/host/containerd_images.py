"""Images of a containerd: a bundle streamed into its store, an import for each image, critical ones first.

While one image is unpacked the next one is sent. What is there by digest is not sent again, so a load that was
interrupted goes on where it stopped. Everything is pinned: the kubelet's garbage collection never takes it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, cast

from bootstrap.host.archive import ArchiveWriter, header
from bootstrap.host.bundle import Bundle
from bootstrap.model.bundle import Member, named
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.oci import INDEX_FILE, LAYOUT, LAYOUT_FILE, index_bytes
from bootstrap.render.loading import Group, groups, share_out

NAMESPACE = "k8s.io"
"""Where CRI looks for images."""
PINNED = "io.cri-containerd.pinned=pinned"
_BLOCK = 512
_PIPE = 1 << 20
"""Bytes between us and an import: the most that /proc/sys/fs/pipe-max-size allows by default."""


class ContainerdImages:
    """The containerd that listens at `socket` (a path)."""

    def __init__(self, socket: str, ctr: str = "ctr") -> None:
        self._ctr = (ctr, f"--address={socket}", f"--namespace={NAMESPACE}")

    def there(self) -> dict[str, tuple[str, bool]]:
        """Names of the images in the store, each with its digest and whether it is pinned."""
        rows = [line.split() for line in self._run("images", "ls").splitlines()[1:]]
        return {row[0]: (row[2], PINNED in row[-1]) for row in rows if row}

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
        share_out(found, self._run("content", "ls", "-q").split())
        with ThreadPoolExecutor(len(found)) as pool:
            _Sending(found, pool, lambda group: self._start(group, architecture, done)).run(bundle)
        return tuple(name for group in found for name in group.names)

    def _start(self, group: Group, architecture: str, done: Callable[[str], None]) -> _Import:
        options = ("--local", f"--platform=linux/{architecture}", f"--label={PINNED}")
        return _Import([*self._ctr, "images", "import", *options, "-"], group, done)

    def _run(self, *arguments: str) -> str:
        what = f"ctr {' '.join(arguments[:2])}"
        try:
            done = subprocess.run([*self._ctr, *arguments], capture_output=True, text=True, timeout=60, check=False)
        except (FileNotFoundError, subprocess.TimeoutExpired) as e:
            raise _refused(what, str(e)) from e
        if done.returncode:
            raise _refused(what, done.stderr)
        return done.stdout


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
