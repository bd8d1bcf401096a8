"""`bundle`: make one, look into it, prove it, load it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bootstrap.config import Documents, Overrides, load, resolve
from bootstrap.host.archive import Writable
from bootstrap.host.atomic import replacing
from bootstrap.host.bundle import Bundle, Trust, verified, write_bundle
from bootstrap.host.containerd_images import ContainerdImages
from bootstrap.host.docker_images import DockerImages
from bootstrap.host.facts import gather
from bootstrap.host.layout import Layout
from bootstrap.host.live import LiveHost
from bootstrap.host.sources import LayoutSource, SeedSource, Source, docker_source
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
from bootstrap.model.runtime import GUEST
from bootstrap.model.runtime import NODE as NODE_RUNTIME
from bootstrap.phases.images import Bundled
from bootstrap.render.bundle import collect, critical, not_in, references
from bootstrap.render.sbom import spdx
from bootstrap.render.signature import new_key, sign
from bootstrap.workflows.init import Decision, LoadImages, read_patches
from bootstrap.workflows.mode import HOST, HOST_ROOT, NODE, enter

SOURCES = "docker, layout:DIR or seed"


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle: a cluster's images (critical ones named) and others, for some architectures."""

    cfg: ClusterConfig
    images: tuple[str, ...]
    critical: tuple[str, ...]
    architectures: tuple[str, ...]


def keygen(path: Path) -> Path:
    """Writes a private key (0600) and `.pub` beside it, and returns the latter. Raises BootstrapError (exit 5)."""
    private, public = new_key()
    try:
        with replacing(path, 0o600, overwrite=False) as file:
            file.write(private)
        with replacing(path.with_name(f"{path.name}.pub")) as file:
            file.write(public)
    except OSError as e:
        raise BootstrapError(
            f"cannot write {path}: {e.strerror}",
            code=Exit.EFFECT,
            why="a key is never overwritten" if isinstance(e, FileExistsError) else "",
            fix="give a new file in a folder that exists",
        ) from e
    return path.with_name(f"{path.name}.pub")


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
    wanted = references(cfg, facts, manifests, {})
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


def create(wanted: Contents, origin: Source, key: bytes | None, output: Path, now: datetime) -> BundleManifest:
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
        target = {key: target[key] for key in ("mediaType", "digest", "size")}
        images.append(
            BundledImage(reference, origin.name, target, found.platforms, critical=reference in wanted.critical)
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
    return _write(wanted, images, blobs, origin, key, output, now.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _write(
    wanted: Contents,
    images: list[BundledImage],
    blobs: Mapping[str, tuple[str, Descriptor]],
    origin: Source,
    key: bytes | None,
    output: Path,
    created: str,
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

    write_bundle(output, manifest, signature, leading, fill)
    return manifest


def require(manifest: BundleManifest, wanted: Sequence[str], architectures: Sequence[str]) -> None:
    """Closure. Raises BootstrapError (exit 9) with everything that is missing."""
    missing = not_in(manifest, wanted, architectures)
    if missing:
        raise BootstrapError(
            f"the bundle lacks {len(missing)} images that this cluster needs",
            code=Exit.IMAGE,
            details=missing,
            fix="make it with the same configuration: bootstrap bundle create --config FILE --arch …",
        )


def verify(path: Path, trust: Trust, wanted: Sequence[str] = ()) -> tuple[BundleManifest, str]:
    """Proves every byte; the manifest and the id of the key that signed it. Raises BootstrapError (exit 9)."""
    with verified(path, trust) as bundle:
        require(bundle.manifest, wanted, bundle.manifest.architectures)
        return bundle.manifest, bundle.signer


def load_bundle(
    path: Path, trust: Trust, to: str, architecture: str, socket: str, done: Callable[[str], None]
) -> tuple[tuple[str, ...], int]:
    """Proves a bundle, then loads what is not there already; those names, and how many images it has for us."""
    with verified(path, trust) as bundle:
        ours = _for_us(bundle, architecture)
        if to == "docker":
            return DockerImages().load(bundle, architecture), ours
        return ContainerdImages(socket).load(bundle, architecture, done), ours


@contextlib.contextmanager
def for_init(
    path: Path, trust: Trust, decision: Decision, manifests: Mapping[str, str], architecture: str
) -> Iterator[tuple[Bundled, LoadImages]]:
    """A bundle that was proven and has all that this cluster needs, and how to load from it. Raises BootstrapError."""
    cfg, facts = decision.cfg, decision.facts
    with verified(path, trust) as bundle:
        require(
            bundle.manifest,
            references(cfg, facts, manifests, read_patches(LiveHost(), cfg.patches_directory)),
            [architecture],
        )
        ours = [image.reference for image in bundle.manifest.images if image.platform(architecture)]
        first = critical(cfg)
        containerd = ContainerdImages(cfg.node.cri_socket.removeprefix("unix://"))

        def load(names: tuple[str, ...]) -> tuple[str, ...]:
            return containerd.load(bundle, architecture, only=names)

        yield Bundled(first, tuple(name for name in ours if name not in first)), load


def our_socket() -> str:
    """Path of the socket of the containerd that init makes: this container's, or the host's below its mount."""
    return f"{HOST_ROOT}{GUEST.address}" if enter()[0].name == HOST else NODE_RUNTIME.address


def _for_us(bundle: Bundle, architecture: str) -> int:
    count = sum(image.platform(architecture) is not None for image in bundle.manifest.images)
    if not count:
        raise BootstrapError(
            f"{bundle.path} has nothing for {architecture}",
            code=Exit.IMAGE,
            why=f"it is for {', '.join(bundle.manifest.architectures)}",
            fix=f"bootstrap bundle create --arch {architecture} …",
        )
    return count


def _documents(origin: Source, reference: str) -> Callable[[Descriptor], bytes]:
    def document(descriptor: Descriptor) -> bytes:
        content = origin.document(reference, descriptor)
        if _digest(content) != descriptor["digest"]:
            raise Damaged(f"{descriptor['digest']} came with other bytes")
        return content

    return document


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
