"""`bundle create`: what a cluster needs, taken from a source, in one file."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bootstrap.config import Documents, Overrides, load, resolve
from bootstrap.host.archive import Writable
from bootstrap.host.bundle import write_bundle
from bootstrap.host.docker_images import DockerImages
from bootstrap.host.facts import gather
from bootstrap.host.layout import Layout
from bootstrap.host.live import LiveHost
from bootstrap.host.sources import LayoutSource, SeedSource, Source, docker_source
from bootstrap.host.zst import LEVEL
from bootstrap.model.bundle import (
    LEADING,
    BundledImage,
    BundleManifest,
    Damaged,
    Member,
    blob_name,
    index_of,
)
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.oci import LAYOUT, Descriptor
from bootstrap.model.reference import parse_reference
from bootstrap.render.bundle import collect, critical, references
from bootstrap.render.sbom import spdx
from bootstrap.render.signature import sign
from bootstrap.workflows.addons import read_addons
from bootstrap.workflows.mode import NODE

SOURCES = "docker, layout:DIR or seed"


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle: a cluster's images (critical ones named) and others, for some architectures."""

    cfg: ClusterConfig
    images: tuple[str, ...]
    critical: tuple[str, ...]
    architectures: tuple[str, ...]


def contents(
    config: bytes | None,
    version: str | None,
    architectures: Sequence[str],
    more: Sequence[str],
    manifests: Mapping[str, str],
) -> Contents:
    """What a cluster with this configuration needs, and more. Raises BootstrapError: exit 2 (names), 3."""
    facts = gather(LiveHost(), NODE)
    documents = load(config) if config is not None else Documents()
    cfg = resolve(documents, Overrides(kubernetes_version=version), facts)
    wanted = references(cfg, facts, manifests, {}, read_addons(LiveHost(), cfg, manifests))
    others = [_full(name) for name in more]
    return Contents(cfg, tuple(dict.fromkeys([*wanted, *others])), critical(cfg), tuple(architectures))


def _full(name: str) -> str:
    """The name under which containerd and the kubelet know an image."""
    try:
        return str(parse_reference(name))
    except ValueError as e:
        raise BootstrapError(f"{name!r} is not the name of an image", code=Exit.USAGE, why=str(e)) from e


@contextlib.contextmanager
def source(text: str, images: Sequence[str]) -> Iterator[Source]:
    """The source that --from names. Raises BootstrapError (exit 2)."""
    kind, _, rest = text.partition(":")
    if text == "seed":
        yield SeedSource()
    elif text == "docker":
        with docker_source(DockerImages(), images) as found:
            yield found
    elif kind == "layout" and rest:
        yield LayoutSource(Layout(Path(rest)), text)
    else:
        raise BootstrapError(f"{text!r} is no source of images", code=Exit.USAGE, fix=f"--from {SOURCES}")


def create(
    wanted: Contents, origin: Source, key: bytes | None, output: Path, now: datetime, level: int = LEVEL
) -> BundleManifest:
    """Writes a bundle with everything that is wanted, or nothing. Raises BootstrapError (exit 9)."""
    missing: list[str] = []
    images: list[BundledImage] = []
    blobs: dict[str, tuple[str, Descriptor]] = {}
    for reference in wanted.images:
        target = origin.target(reference)
        if target is None:
            missing.append(reference)
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
            blobs.setdefault(blob["digest"], (reference, blob))
    if missing:
        raise BootstrapError(
            f"{len(missing)} of {len(wanted.images)} images cannot be taken from {origin.name}",
            code=Exit.IMAGE,
            details=tuple(missing),
            fix=f"name another source (--from {SOURCES}), or another version or architecture",
        )
    return _write(wanted, images, blobs, origin, key, output, now.strftime("%Y-%m-%dT%H:%M:%SZ"), level)


def _write(
    wanted: Contents,
    images: list[BundledImage],
    blobs: Mapping[str, tuple[str, Descriptor]],
    origin: Source,
    key: bytes | None,
    output: Path,
    created: str,
    level: int,
) -> BundleManifest:
    members = [Member(blob_name(digest), digest, blob["size"]) for digest, (_, blob) in blobs.items()]
    base = BundleManifest(
        kubernetes=(wanted.cfg.kubernetes_version,),
        architectures=wanted.architectures,
        cni=wanted.cfg.extension.cni,
        created=created,
        images=tuple(images),
        members=(),
    )
    leading = (spdx(images, members, created), LAYOUT, index_of(base))
    first = [Member(name, _digest(content), len(content)) for name, content in zip(LEADING, leading, strict=True)]
    manifest = BundleManifest(
        base.kubernetes, base.architectures, base.cni, base.created, base.images, (*first, *members)
    )
    signature = sign(key, manifest.encode()) if key else b""

    def fill(member: Member, archive: Writable) -> None:
        reference, blob = blobs[member.digest]
        origin.copy(reference, blob, archive)

    write_bundle(output, manifest, signature, leading, fill, level)
    return manifest


def _documents(origin: Source, reference: str) -> Callable[[Descriptor], bytes]:
    def document(descriptor: Descriptor) -> bytes:
        content = origin.document(reference, descriptor)
        if _digest(content) != descriptor["digest"]:
            raise Damaged(f"{descriptor['digest']} came with other bytes")
        return content

    return document


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
