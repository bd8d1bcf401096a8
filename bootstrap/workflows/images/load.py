"""`images load`: archives of somebody's own images into the node, found there by tag and by digest."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from bootstrap.host.fs.given import LOOKED_UP, opened, reached
from bootstrap.host.fs.scratch import scratch_folder
from bootstrap.host.images.archive import ArchivedImage, refused, unpack
from bootstrap.host.images.layout import Layout
from bootstrap.host.images.local import Unusable, resolve
from bootstrap.host.port import Host
from bootstrap.host.registry.pull import writing
from bootstrap.host.runtime.containerd import Containerd, own_platform
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.image import Platform, Resolved
from bootstrap.model.images.reference import Reference, parse_reference


def load_images(host: Host, socket: str, source: str) -> tuple[str, ...]:
    """Loads and pins all that an archive has (a path of the machine; `-`: standard input), or nothing of it; the names.

    Raises BootstrapError: exit 9 when it is refused, 5 when it cannot be stored.
    """
    with scratch_folder("images") as folder:
        layout, platform = Layout(folder), own_platform()
        with writing(layout), _opened(host, source) as stream:
            found = unpack(stream, layout)
        usable = for_platform(found, layout, platform)
        runtime = Containerd(host, socket)
        for name, image in usable:
            runtime.ensure(name, image, platform, layout)
        return tuple(str(name.tagged) for name, _ in usable)


def for_platform(
    found: Sequence[ArchivedImage], layout: Layout, platform: Platform
) -> list[tuple[Reference, Resolved]]:
    """Every name of an archive with its image for a platform. Raises BootstrapError (exit 9) unless all have one."""
    if not found or any(not image.names for image in found):
        raise BootstrapError(
            "the archive has an image without a name" if found else "the archive has no image in it",
            code=Exit.IMAGE,
            why="docker save ID keeps no names, and no Pod could ask for it" if found else "",
            fix="docker save NAME:TAG (docker tag ID NAME:TAG gives it one)",
        )
    by_name: dict[str, list[ArchivedImage]] = {}
    for image in found:
        for text in image.names:
            by_name.setdefault(text, []).append(image)
    usable: list[tuple[Reference, Resolved]] = []
    wrong: list[str] = []
    for text, images in by_name.items():
        try:
            usable.append((parse_reference(text), _first(images, layout, platform)))
        except (ValueError, Unusable) as e:
            wrong.append(f"{text[:200]}: {e}")
    if wrong:
        raise BootstrapError(
            f"{len(wrong)} of {len(by_name)} images in the archive cannot be used here",
            code=Exit.IMAGE,
            details=tuple(wrong),
            fix=f"docker pull --platform {platform} NAME:TAG, then save and load it again; nothing was loaded",
        )
    return usable


def _first(images: Sequence[ArchivedImage], layout: Layout, platform: Platform) -> Resolved:
    """Of several under one name (a manifest for each platform) the one that fits."""
    reasons = []
    for image in images:
        try:
            return resolve(layout, image.target, platform)
        except Unusable as e:
            reasons.append(str(e))
    raise Unusable("; ".join(dict.fromkeys(reasons)))


@contextlib.contextmanager
def _opened(host: Host, source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        if sys.stdin.isatty():
            raise refused("nothing comes on standard input", "docker save NAME:TAG | docker exec -i … images load -")
        yield sys.stdin.buffer
        return
    try:
        file = opened(reached(host.reach, source))
    except OSError as e:
        raise BootstrapError(
            f"cannot read {source}: {e.strerror}",
            code=Exit.IMAGE,
            why=LOOKED_UP,
            fix="docker save NAME:TAG | docker exec -i NAME bootstrap images load - (on a host: docker run -i …)",
        ) from e
    with file:
        yield file
