"""Brings images into an OCI layout, from the first place that has them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import IO, cast

from bootstrap.host.images.layout import Layout
from bootstrap.host.registry.client import RegistryClient
from bootstrap.host.registry.limits import DamagedError, Deadline, DeadlineError, Limits, RegistryError
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Transferred
from bootstrap.model.images.image import Blob, Platform, Resolved
from bootstrap.model.images.lock import LockedImage
from bootstrap.model.images.reference import Reference
from bootstrap.render.images.mirrors import Candidate, Route

PARALLEL = 3
"""Layers at a time; docker's and containerd's own number."""
_TURNS: dict[str, threading.Lock] = {}
"""By digest: a layer of several images that are fetched side by side comes once."""
TransferListener = Callable[[Transferred], None]


@dataclass(frozen=True)
class LocatedImage:
    """An image for one platform, where it was, and what is wrong with the places that were asked before."""

    resolved: Resolved
    candidate: Candidate
    registry: RegistryClient
    passed: tuple[str, ...]


class NotHad(BootstrapError):
    """Every place was asked, and none gives the image (exit 5)."""


class Search:
    """One image's way through the places where it may be."""

    def __init__(
        self,
        image: Reference,
        route: Route,
        platform: Platform,
        locked: LockedImage | None,
        limits: Limits,
        deadline: Deadline,
    ) -> None:
        self._image, self._route, self._platform = image, route, platform
        self._locked, self._limits = locked, limits
        self._deadline = deadline
        self._left = list(route.candidates)
        self._failed: list[RegistryError] = []

    def next(self) -> LocatedImage:
        """The next place that has it; only documents are read.

        Raises BootstrapError with every place that was asked: exit 9 when one had other content than the lock or a
        digest says, 6 after the deadline, 5 otherwise.
        """
        while self._left and not (self._failed and isinstance(self._failed[-1], DeadlineError)):
            candidate = self._left.pop(0)
            try:
                registry = RegistryClient(candidate.server, self._limits, self._deadline)
                resolved = self._proven(candidate, registry)
            except RegistryError as e:
                self.fail(e)
                continue
            return LocatedImage(resolved, candidate, registry, tuple(map(str, self._failed)))
        raise self._error()

    def fail(self, error: RegistryError) -> None:
        """What was found last is no good."""
        self._failed.append(error)

    def _proven(self, candidate: Candidate, registry: RegistryClient) -> Resolved:
        resolved = registry.resolve(candidate.repository, self._image.wanted, self._platform)
        refusal = self._locked.refusal(resolved, str(self._platform)) if self._locked else ""
        if refusal:
            raise DamagedError(f"{candidate.server.host}: {refusal}")
        return resolved

    def _error(self) -> BootstrapError:
        details = [str(e) for e in self._failed]
        if self._route.closed:
            details.append(f"{self._image.registry}: not asked: {self._route.closed}")
        fix = f"bootstrap images explain {self._image}"
        if any(isinstance(e, DamagedError) for e in self._failed):
            code, what = Exit.IMAGE, f"{self._image} was refused: what was offered is something else"
        elif any(isinstance(e, DeadlineError) for e in self._failed):
            code, what = Exit.WAIT, f"{self._image} did not arrive within {self._limits.total:.0f} s"
        else:
            return NotHad(f"no registry gave {self._image}", code=Exit.EFFECT, details=tuple(details), fix=fix)
        return BootstrapError(what, code=code, details=tuple(details), fix=fix)


def fetch(
    search: Search, found: LocatedImage, image: Reference, layout: Layout, listen: TransferListener
) -> LocatedImage:
    """The blobs of what was found into the layout; a place that breaks off half-way gives way to the next."""
    while True:
        try:
            with writing(layout):
                _copy(image, found, layout, listen)
        except RegistryError as e:
            search.fail(e)
            found = search.next()
            continue
        return found


@contextlib.contextmanager
def writing(layout: Layout) -> Iterator[None]:
    """A layout that cannot be written is an effect that failed (exit 5)."""
    try:
        yield
    except OSError as e:
        raise BootstrapError(
            f"cannot write below {layout.path}: {e.strerror}",
            code=Exit.EFFECT,
            fix="make room there, or give another folder, and run the same command again",
        ) from e


def _copy(image: Reference, found: LocatedImage, layout: Layout, listen: TransferListener) -> None:
    progress = _Progress(image, found, listen)
    for digest, body in found.resolved.documents.items():
        layout.add(BytesIO(body), digest)
        progress.moved(len(body))
    blobs = {blob.digest: blob for blob in found.resolved.layers}
    with ThreadPoolExecutor(PARALLEL) as pool:
        running = [pool.submit(_copy_blob, found, blob, layout, progress.moved) for blob in blobs.values()]
        for future in running:
            try:
                future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _copy_blob(found: LocatedImage, blob: Blob, layout: Layout, moved: Callable[[int], None]) -> None:
    """One more try after wrong bytes: what broke them on the way may not break them again."""
    with _TURNS.setdefault(blob.digest, threading.Lock()):
        if layout.has(blob.digest):
            moved(blob.size)
            return
        for last in (False, True):
            with found.registry.blob(found.candidate.repository, blob, moved) as stream:
                try:
                    layout.add(cast(IO[bytes], stream), blob.digest)
                    return
                except BootstrapError as e:
                    if e.code != Exit.IMAGE or last:
                        raise DamagedError(f"{found.candidate.server.host}: {e}") from e
                    moved(-stream.position)


class _Progress:
    """Adds up what several threads report."""

    def __init__(self, image: Reference, found: LocatedImage, listen: TransferListener) -> None:
        self._image, self._host = str(image.tagged), found.candidate.server.host
        self._total, self._done = found.resolved.size, 0
        self._listen = listen
        self._lock = threading.Lock()

    def moved(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._listen(Transferred(self._image, self._host, self._done, self._total))
