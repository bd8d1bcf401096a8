"""Which images somebody means, where they may come from, and what their digests must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bootstrap.config.own.bootstrap_configuration import load_mirrors
from bootstrap.config.own.lockfile import parse_lock
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.lock import Lock, LockedImage
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.images.reference import Reference, parse_reference
from bootstrap.model.runtime import NODE_RUNTIME
from bootstrap.render.images import catalog
from bootstrap.render.images.mirrors import Route, route
from bootstrap.render.images.required import RequiredImage, as_upstream, components


@dataclass(frozen=True)
class ImageSelection:
    """The images that somebody asked for, and where they may come from."""

    images: tuple[RequiredImage, ...]
    mirrors: Mirrors
    cri_socket: str = NODE_RUNTIME.socket


def choose(
    cfg: ClusterConfig,
    references: Sequence[str],
    version: str,
    repository: str,
    mirrors: bytes | None,
    reach: Callable[[str], str] = str,
    of_addons: Callable[[], tuple[RequiredImage, ...]] = tuple,
) -> ImageSelection:
    """What was named, else all that the configuration needs. Raises BootstrapError: exit 2 or 3.

    `mirrors` replaces the configuration's rules; `reach` says where the files that rules name are for us; `of_addons`
    gives the images of add-ons.
    """
    cfg = _with(cfg, version, repository)
    rules = load_mirrors(mirrors) if mirrors is not None else cfg.own.mirrors
    named = tuple(_named(text) for text in references)
    images = named if named else (*components(cfg), *of_addons())
    return ImageSelection(images, rules.reached(reach), cfg.node.cri_socket)


def read_lock(text: bytes | None, chosen: ImageSelection) -> Lock | None:
    """A lock file that has all chosen images. Raises BootstrapError (exit 9)."""
    if text is None:
        return None
    lock = parse_lock(text)
    missing = tuple(n.image for n in chosen.images if locked_as(lock, n) is None and not n.built)
    if missing:
        raise BootstrapError(
            "the lock file does not have every image",
            code=Exit.IMAGE,
            details=missing,
            fix="bootstrap images lock --file FILE",
        )
    return lock


def _with(cfg: ClusterConfig, version: str, repository: str) -> ClusterConfig:
    """A version asked for means upstream's images, since only one version of our own is carried."""
    if version and version != names.BUILT_VERSION:
        cfg = as_upstream(cfg)
        cfg = replace(cfg, cluster=replace(cfg.cluster, kubernetes_version=catalog.complete_version(version)))
    if repository:
        cfg = cfg if repository == names.BUILT_REPOSITORY else as_upstream(cfg)
        cfg = replace(cfg, cluster=replace(cfg.cluster, image_repository=repository))
    return cfg


def _named(text: str) -> RequiredImage:
    try:
        image = str(parse_reference(text))
    except ValueError as e:
        raise BootstrapError(
            f"{text[:100]} is not an image", code=Exit.USAGE, why=str(e), fix="REGISTRY/REPOSITORY:TAG"
        ) from e
    return RequiredImage("", image, image)


def ways(chosen: ImageSelection) -> list[tuple[RequiredImage, Reference, Route]]:
    found = []
    for needed in chosen.images:
        image = parse_reference(needed.image)
        found.append((needed, image, route(chosen.mirrors, image)))
    return found


def locked_as(lock: Lock | None, needed: RequiredImage) -> LockedImage | None:
    """By the image's own name, or by the upstream image that it is: our own builds only stand for one.

    Who names a digest means that of the lock, where the tag's is the same.
    """
    if lock is None:
        return None
    image = parse_reference(needed.image)
    by_tag = lock.get(str(image.tagged))
    same = by_tag if by_tag and by_tag.digest == image.digest else None
    return lock.get(needed.image) or same or (None if needed.built else lock.get(needed.upstream))
