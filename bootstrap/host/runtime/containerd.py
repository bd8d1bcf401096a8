"""Images of a containerd, through `ctr` of our own image: what is there, and what is brought in, always pinned,
until it is released.

What is there by digest is not sent again, so a load that was interrupted goes on where it stopped. Pinned: the
kubelet's garbage collection never takes it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from bootstrap.host.bundle.file import BundleFile
from bootstrap.host.images.layout import Layout
from bootstrap.host.port import Host
from bootstrap.host.runtime.ctr_import import Import, Part, Sending, without_warnings
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import ArchiveMember, blob_name
from bootstrap.model.images.image import ARCHITECTURES, Platform, Resolved
from bootstrap.model.images.reference import Reference, node_names
from bootstrap.render.bundle.loading import Group, groups, needed_name, share_out

NAMESPACE = "k8s.io"
"""Where CRI looks for images."""
_PIN = "io.cri-containerd.pinned="
PINNED = f"{_PIN}pinned"
TIMEOUT = 3600.0
"""Seconds for an archive of any size on a slow disk."""
_CHUNK = 1 << 20


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

    def ensure(self, image: Reference, found: Resolved, platform: Platform, layout: Layout) -> None:
        """Imports one image from a layout, by its tag and its digest: Pods may name it either way.

        Raises BootstrapError: exit 5 (containerd refused), 9 (it is something else afterwards), with nothing left.
        """
        names = node_names(image, found.top.digest)
        group = Group(found.top.document(), [str(image)], list(names), set())
        there, stored = self.there(), self._stored()
        running = self._start(group, str(platform))
        try:
            for digest in dict.fromkeys((*found.documents, *(layer.digest for layer in found.layers))):
                if digest in stored:
                    continue
                with layout.open(digest) as blob:
                    member = ArchiveMember(blob_name(digest), digest, layout.size(digest))
                    running.add(member, iter(partial(blob.read, _CHUNK), b""))
            running.end([])
            if self.digest(image.tagged) != found.top.digest:
                raise BootstrapError(
                    f"{image} is not {found.top.digest} after its import",
                    code=Exit.IMAGE,
                    fix="run the same command again: what is there is not brought again",
                )
        except BaseException:
            running.abort()
            self._forget([name for name in names if name not in there])
            raise

    def release(self, name: str) -> None:
        """Garbage collection may take it, once nothing runs of it."""
        self._run("images", "label", name, _PIN)

    def _forget(self, names: Sequence[str]) -> None:
        """An import that failed may have given names already, and pinned them."""
        left = [name for name in names if name in self.there()]
        if left:
            self._run("images", "rm", *left)

    def import_archive(self, path: str) -> None:
        """Imports an image layout in a tar, all names in it. Raises BootstrapError (exit 5)."""
        self._run("images", "import", "--local", f"--label={PINNED}", path, timeout=TIMEOUT)

    def load(
        self, bundle: BundleFile, architecture: str, done: Callable[[str], None] = lambda name: None
    ) -> tuple[str, ...]:
        """Loads and pins what is not there already, and returns those names; `done` is called for each as it is usable.

        Raises BootstrapError: exit 9 (the file changed since it was verified), 5 (containerd refused).
        """
        images = bundle.manifest.images
        first, others = ([i.reference for i in images if i.critical is critical] for critical in (True, False))
        with self.loading(bundle, architecture, done) as part:
            never = threading.Event()
            return part(first, never) + part(others, never)

    @contextmanager
    def loading(
        self, bundle: BundleFile, architecture: str, done: Callable[[str], None] = lambda name: None
    ) -> Iterator[Part]:
        """The same, part by part: each call takes the names that have to be usable when it returns, and breaks off
        once its event is set."""
        there = self.there()
        digests = {name: digest for name, (digest, _) in there.items()}
        found = groups(bundle.manifest, bundle.documents, architecture, digests)
        wanted = {name for group in found for name in group.names}
        for name in map(needed_name, bundle.manifest.images):
            if name in there and name not in wanted and not there[name][1]:
                self._run("images", "label", name, PINNED)
        share_out(found, self._stored() if found else ())
        with Sending(bundle, found, lambda group: self._start(group, f"linux/{architecture}", done)) as sending:
            yield sending.part

    def _stored(self) -> set[str]:
        """Digests of the blobs that it has: an import may do without them."""
        return set(self._run("content", "ls", "-q").split())

    def _start(self, group: Group, platform: str, done: Callable[[str], None] = lambda name: None) -> Import:
        options = ("--local", f"--platform={platform}", f"--label={PINNED}")
        return Import([*self._ctr(), "images", "import", *options, "-"], group, done)

    def _run(self, *words: str, timeout: float = 60) -> str:
        try:
            return self._host.run([*self._ctr(), *words], timeout, here=True)
        except BootstrapError as e:
            e.details = without_warnings(e.details)
            raise

    def _ctr(self) -> tuple[str, ...]:
        """Asked each time: `init` makes the socket after this value."""
        return ("ctr", f"--address={self._host.reach(self._socket)}", f"--namespace={NAMESPACE}")


def own_platform() -> Platform:
    """The platform of the machine that this runs on."""
    machine = os.uname().machine
    return Platform(ARCHITECTURES.get(machine, machine))
