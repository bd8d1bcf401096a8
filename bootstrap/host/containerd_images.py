"""Images of a containerd: a bundle streamed into its store, an import for each image, critical ones first.

While one image is unpacked the next one is sent. What is there by digest is not sent again, so a load that was
interrupted goes on where it stopped. Everything is pinned: the kubelet's garbage collection never takes it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any, cast

from bootstrap.host.archive import ArchiveWriter, header
from bootstrap.host.bundle import Bundle
from bootstrap.model.bundle import BundledImage, Member, named
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.oci import INDEX_FILE, LAYOUT, LAYOUT_FILE, Descriptor, index_bytes
from bootstrap.render.bundle import collect

NAMESPACE = "k8s.io"
"""Where CRI looks for images."""
PINNED = "io.cri-containerd.pinned=pinned"
_BLOCK = 512


@dataclass
class _Group:
    """Names of one target. `own` are the blobs that are sent with it, `needs` the groups that others come with."""

    target: Descriptor
    names: list[str]
    digests: set[str]
    own: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)


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
        images = [image for image in bundle.manifest.images if only is None or image.reference in only]
        for image in images:
            if there.get(image.reference) == (image.target["digest"], False):
                self._run("images", "label", image.reference, PINNED)
        groups = _groups(images, bundle, architecture, {name: digest for name, (digest, _) in there.items()})
        if not groups:
            return ()
        _share_out(groups, set(self._run("content", "ls", "-q").split()))
        with ThreadPoolExecutor(len(groups)) as pool:
            self._send(bundle, groups, architecture, pool, done)
        return tuple(name for group in groups for name in group.names)

    def _send(
        self,
        bundle: Bundle,
        groups: list[_Group],
        architecture: str,
        pool: ThreadPoolExecutor,
        done: Callable[[str], None],
    ) -> None:
        imports: dict[str, _Import] = {}
        finished: dict[str, Future[None]] = {}

        def finish(group: _Group) -> None:
            before = [finished[digest] for digest in group.needs]
            digest = group.target["digest"]
            running = imports[digest] = imports.get(digest) or self._start(group, architecture)
            finished[digest] = pool.submit(running.finish, before, done)

        try:
            for group in [g for g in groups if not g.own and not g.needs]:
                finish(group)
            for member, content in bundle.blobs():
                group_of = next((g for g in groups if member.digest in g.own), None)
                if group_of is None:
                    for _ in content:
                        pass
                    continue
                digest = group_of.target["digest"]
                if digest not in imports:
                    imports[digest] = self._start(group_of, architecture)
                imports[digest].add(member, content)
                group_of.own.discard(member.digest)
                for group in groups:
                    if group.target["digest"] not in finished and not group.own and group.needs <= set(finished):
                        finish(group)
                if not any(group.own for group in groups):
                    break
            for future in finished.values():
                future.result()
        except BaseException:
            for running in imports.values():
                running.abort()
            raise

    def _start(self, group: _Group, architecture: str) -> _Import:
        command = [
            *self._ctr,
            "images",
            "import",
            "--local",
            f"--platform=linux/{architecture}",
            f"--label={PINNED}",
            "-",
        ]
        return _Import(command, group)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._ctr, *arguments], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise _refused(f"ctr {' '.join(arguments[:2])}", done.stderr)
        return done.stdout


class _Import:
    """One `ctr images import` that reads from us."""

    def __init__(self, command: list[str], group: _Group) -> None:
        self._group = group
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors)
        self._input = cast(IO[bytes], self._process.stdin)
        self._archive = ArchiveWriter(self._input)

    def add(self, member: Member, content: Any) -> None:
        try:
            self._input.write(header(member.name, member.size))
            for piece in content:
                self._input.write(piece)
            self._input.write(bytes(-member.size % _BLOCK))
        except BrokenPipeError:
            raise self._failure() from None

    def finish(self, before: list[Future[None]], done: Callable[[str], None]) -> None:
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
            done(name)

    def abort(self) -> None:
        """Ends the import: a stream that is cut leaves no image."""
        self._process.kill()
        self._process.wait()

    def _failure(self) -> BootstrapError:
        self._process.wait()
        self._errors.seek(0)
        return _refused(", ".join(self._group.names), self._errors.read().decode(errors="replace"))


def _groups(images: list[BundledImage], bundle: Bundle, architecture: str, there: dict[str, str]) -> list[_Group]:
    """What to load, in the bundle's order: names that are missing or mean something else, by their target."""
    groups: dict[str, _Group] = {}
    for image in images:
        digest = image.target["digest"]
        if not image.platform(architecture) or there.get(image.reference) == digest:
            continue
        if digest not in groups:
            blobs = collect(image.target, lambda d: bundle.documents[d["digest"]], [architecture]).blobs
            groups[digest] = _Group(image.target, [], {blob["digest"] for blob in blobs})
        groups[digest].names.append(image.reference)
    return list(groups.values())


def _share_out(groups: list[_Group], there: set[str]) -> None:
    """Each blob that is not there is sent once, with the first image that needs it; others wait for that one."""
    owner: dict[str, _Group] = {}
    for group in groups:
        for digest in group.digests - there:
            first = owner.setdefault(digest, group)
            if first is group:
                group.own.add(digest)
            else:
                group.needs.add(first.target["digest"])


def _refused(what: str, output: str) -> BootstrapError:
    lines = tuple(output.strip().splitlines()[-5:])
    return BootstrapError(f"containerd did not take {what}", code=Exit.EFFECT, details=lines)
