"""Images: into the node or a folder, explained, locked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.config.own.lockfile import lock_text
from bootstrap.host.fs.replace import replacing
from bootstrap.host.images.layout import Layout
from bootstrap.host.port import Host
from bootstrap.host.registry.limits import Deadline, Limits
from bootstrap.host.registry.probe import Answer, ask_all
from bootstrap.host.registry.pull import LocatedImage, Search, TransferListener, fetch, writing
from bootstrap.host.runtime.containerd import Containerd
from bootstrap.host.runtime.image_puller import ImagePuller, clear
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import named
from bootstrap.model.images.image import Platform
from bootstrap.model.images.lock import Lock, LockedImage, LockedPlatform
from bootstrap.model.images.oci import IMAGE_NAME
from bootstrap.model.images.reference import Reference, node_names
from bootstrap.render.images.required import RequiredImage
from bootstrap.workflows.images.choice import ImageSelection, locked_as, ways


@dataclass(frozen=True)
class Pulled:
    """`host` is empty when the image was there already."""

    image: str
    digest: str
    host: str
    size: int
    seconds: float
    passed: tuple[str, ...]


@dataclass(frozen=True)
class Explained:
    """`winner` is the index of the answer that a pull would use, None if there is none."""

    image: str
    platform: str
    answers: tuple[Answer, ...]
    closed: str
    winner: int | None


def pull(
    host: Host, chosen: ImageSelection, platform: Platform, lock: Lock | None, limits: Limits, listen: TransferListener
) -> Iterator[Pulled]:
    """Into the machine's containerd, each under its own name. What is there with the same digest stays untouched."""
    station = ImagePuller(Containerd(host, chosen.cri_socket), platform, limits, Deadline.after(limits.total), listen)
    for needed, image, way in ways(chosen):
        began = time.monotonic()
        digest, found, passed = station.ensure(image, way, locked_as(lock, needed))
        seconds = time.monotonic() - began
        if found:
            yield Pulled(needed.image, digest, found.candidate.server.host, found.resolved.size, seconds, passed)
        else:
            yield Pulled(needed.image, digest, "", 0, seconds, passed)
    clear()


def pull_to(
    folder: Path,
    chosen: ImageSelection,
    platforms: Sequence[Platform],
    lock: Lock | None,
    limits: Limits,
    listen: TransferListener,
) -> Iterator[Pulled]:
    """Into an OCI layout in a folder, for all platforms; all are found before anything is written.

    What the layout has under other names stays in it.
    """
    layout, deadline = Layout(folder), Deadline.after(limits.total)
    searches = [
        (needed, image, Search(image, way, platform, locked_as(lock, needed), limits, deadline))
        for needed, image, way in ways(chosen)
        for platform in platforms
    ]
    before = layout.known()
    founds = [search.next() for _, _, search in searches]
    entries = {str(known.get("annotations", {}).get(IMAGE_NAME, known["digest"])): known for known in before}
    arrived: list[tuple[Reference, LocatedImage]] = []
    for (needed, image, search), first in zip(searches, founds, strict=True):
        began = time.monotonic()
        found = fetch(search, first, image, layout, listen)
        arrived.append((image, found))
        yield _pulled(needed, found, began)
    for image, found in sorted(arrived, key=lambda pair: not pair[0].digest):  # who asked for the tag alone has it
        top = found.resolved.top
        names = node_names(image, top.digest) if image.digest else (str(image),)
        entries |= {name: named(top.document(), name) for name in names}
    with writing(layout):
        layout.set_index(list(entries.values()))


def explain(chosen: ImageSelection, platform: Platform, lock: Lock | None) -> tuple[Explained, ...]:
    """Asks every place of each image, and says which one a pull would use."""
    explained = []
    for needed, image, way in ways(chosen):
        answers = ask_all(way.candidates, image, platform, locked_as(lock, needed))
        winner = next((i for i, answer in enumerate(answers) if answer.resolved and not answer.problem), None)
        explained.append(Explained(str(image), str(platform), answers, way.closed, winner))
    return tuple(explained)


def make_lock(
    chosen: ImageSelection, platforms: Sequence[Platform], limits: Limits, told: Callable[[str], None]
) -> Lock:
    """What the images stand for now. Images that only this image carries are left out: their digest is its own."""
    lock, deadline = {}, Deadline.after(limits.total)
    for _, image, way in ways(chosen):
        founds = {str(platform): Search(image, way, platform, None, limits, deadline).next() for platform in platforms}
        tops = {found.resolved.top.digest for found in founds.values()}
        if len(tops) > 1:
            raise BootstrapError(
                f"{image} has another index for each platform",
                code=Exit.IMAGE,
                why="its places have different content",
                fix=f"bootstrap images explain {image}",
            )
        digests = {
            name: LockedPlatform(found.resolved.manifest.digest, found.resolved.config.digest)
            for name, found in founds.items()
        }
        lock[str(image)] = LockedImage(tops.pop(), digests)
        told(f"{image}@{lock[str(image)].digest}")
    return lock


def save_lock(path: Path, lock: Lock) -> None:
    """Raises BootstrapError (exit 5) when it cannot be written."""
    try:
        with replacing(path) as file:
            file.write(lock_text(lock).encode())
    except OSError as e:
        raise BootstrapError(f"cannot write {path}: {e.strerror}", code=Exit.EFFECT) from e


def _pulled(needed: RequiredImage, found: LocatedImage, began: float) -> Pulled:
    resolved, host = found.resolved, found.candidate.server.host
    return Pulled(needed.image, resolved.top.digest, host, resolved.size, time.monotonic() - began, found.passed)
