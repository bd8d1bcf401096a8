"""`bundle create`: what a cluster needs, taken from its sources, in one file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bootstrap.config import Documents, Overrides, anywhere, load, resolve
from bootstrap.host.bundle.file import write_bundle
from bootstrap.host.bundle.tar import Writable
from bootstrap.host.bundle.zstd import LEVEL
from bootstrap.host.facts.gather import gather
from bootstrap.host.images.sources import ImageSource
from bootstrap.host.port import Host
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import (
    LEADING,
    ArchiveMember,
    BundledImage,
    BundleManifest,
    Damaged,
    blob_name,
    index_of,
)
from bootstrap.model.images.oci import LAYOUT, Descriptor
from bootstrap.model.images.reference import parse_reference
from bootstrap.render.addons.unseen import unseen
from bootstrap.render.bundle.contents import collect, critical, references
from bootstrap.render.bundle.sbom import spdx
from bootstrap.render.bundle.signature import sign
from bootstrap.workflows.addons.read import read_addons

SOURCES = "docker, layout:DIR, registry or seed"


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle: a cluster's images (critical ones named) and others, for some architectures."""

    cfg: ClusterConfig
    images: tuple[str, ...]
    critical: tuple[str, ...]
    architectures: tuple[str, ...]
    unseen: tuple[str, ...] = ()
    """Which images of add-ons cannot be known, in words."""


def contents(
    config: bytes | None,
    flags: Overrides,
    machine: tuple[str, Host],
    architectures: Sequence[str],
    more: Sequence[str],
    manifests: Mapping[str, str],
) -> Contents:
    """What a cluster with this configuration needs on this machine (its mode, and the host), and more.

    Raises BootstrapError: exit 2 (names), 3.
    """
    mode, host = machine
    facts = anywhere(gather(host, mode))
    cfg = resolve(load(config) if config is not None else Documents(), flags, facts)
    addons = read_addons(host, cfg, manifests)
    wanted = references(cfg, facts, manifests, {}, addons)
    others = [_full(name) for name in more]
    return Contents(
        cfg, tuple(dict.fromkeys([*wanted, *others])), critical(cfg), tuple(architectures), unseen(addons, cfg, facts)
    )


def _full(name: str) -> str:
    """The name under which containerd and the kubelet know an image."""
    try:
        return str(parse_reference(name))
    except ValueError as e:
        raise BootstrapError(f"{name!r} is not the name of an image", code=Exit.USAGE, why=str(e)) from e


def create(
    wanted: Contents, origins: Sequence[ImageSource], key: bytes | None, output: Path, now: datetime, level: int = LEVEL
) -> BundleManifest:
    """Writes a bundle with everything that is wanted, each image from the first source that has it, or nothing.

    Raises BootstrapError (exit 9).
    """
    missing: list[str] = []
    images: list[BundledImage] = []
    blobs: dict[str, tuple[ImageSource, str, Descriptor]] = {}
    for reference in wanted.images:
        origin, target = _first(origins, reference)
        if target is None:
            missing.append(": ".join([reference, *_reasons(origins, reference)]))
            continue
        try:
            found = collect(target, _documents(origin, reference), wanted.architectures)
        except Damaged as e:
            missing.append(f"{reference}: {e}")
            continue
        plain = {name: target[name] for name in ("mediaType", "digest", "size")}
        images.append(
            BundledImage(reference, origin.name, plain, found.platforms, critical=reference in wanted.critical)
        )
        for blob in found.blobs:
            blobs.setdefault(blob["digest"], (origin, reference, blob))
    if missing:
        raise BootstrapError(
            f"{len(missing)} of {len(wanted.images)} images cannot be taken from {', '.join(o.name for o in origins)}",
            code=Exit.IMAGE,
            details=tuple(missing),
            fix=f"name another source (--from {SOURCES}), or another version or architecture",
        )
    return _write(wanted, images, blobs, key, output, now.strftime("%Y-%m-%dT%H:%M:%SZ"), level)


def _reasons(origins: Sequence[ImageSource], reference: str) -> list[str]:
    return ["; ".join(why)] if (why := [o.lacking[reference] for o in origins if reference in o.lacking]) else []


def _first(origins: Sequence[ImageSource], reference: str) -> tuple[ImageSource, Descriptor | None]:
    """The first source that has an image, and what it means there."""
    for origin in origins:
        if (target := origin.target(reference)) is not None:
            return origin, target
    return origins[-1], None


def _write(
    wanted: Contents,
    images: list[BundledImage],
    blobs: Mapping[str, tuple[ImageSource, str, Descriptor]],
    key: bytes | None,
    output: Path,
    created: str,
    level: int,
) -> BundleManifest:
    members = [ArchiveMember(blob_name(digest), digest, blob["size"]) for digest, (_, _, blob) in blobs.items()]
    base = BundleManifest(
        kubernetes=(wanted.cfg.cluster.kubernetes_version,),
        architectures=wanted.architectures,
        cni=wanted.cfg.own.cni,
        created=created,
        images=tuple(images),
        members=(),
    )
    leading = (spdx(images, members, created), LAYOUT, index_of(base))
    first = [
        ArchiveMember(name, _digest(content), len(content)) for name, content in zip(LEADING, leading, strict=True)
    ]
    manifest = BundleManifest(
        base.kubernetes, base.architectures, base.cni, base.created, base.images, (*first, *members)
    )
    signature = sign(key, manifest.encode()) if key else b""

    def fill(member: ArchiveMember, archive: Writable) -> None:
        origin, reference, blob = blobs[member.digest]
        origin.copy(reference, blob, archive)

    write_bundle(output, manifest, signature, leading, fill, level)
    return manifest


def _documents(origin: ImageSource, reference: str) -> Callable[[Descriptor], bytes]:
    def document(descriptor: Descriptor) -> bytes:
        content = origin.document(reference, descriptor)
        if _digest(content) != descriptor["digest"]:
            raise Damaged(f"{descriptor['digest']} came with other bytes")
        return content

    return document


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
