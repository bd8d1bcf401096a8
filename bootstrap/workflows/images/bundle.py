"""`bundle`: keys, proof, loading, and what `init` takes from one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bootstrap.engine.run_context import LoadImages
from bootstrap.host.bundle.file import BundleFile, Trust, verified
from bootstrap.host.bundle.zstd import FAST
from bootstrap.host.fs.given import is_folder, reached
from bootstrap.host.fs.replace import replacing
from bootstrap.host.fs.scratch import scratch_folder
from bootstrap.host.port import Host, HostReader
from bootstrap.host.runtime.containerd import Containerd, own_platform
from bootstrap.host.runtime.ctr_import import Part
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import BundleManifest
from bootstrap.phases.images import Bundled
from bootstrap.render.bundle.contents import critical, not_in, references
from bootstrap.render.bundle.signature import new_key
from bootstrap.workflows.addons.read import read_addons
from bootstrap.workflows.images.bundle_create import Contents, create
from bootstrap.workflows.inputs import read_patches
from bootstrap.workflows.observe import Observed

DOCKER = "docker"


def keygen(path: Path) -> bytes:
    """Writes a private key (0600) and `.pub` beside it, and returns what is in that. Raises BootstrapError (exit 5)."""
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
    return public


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


def verify(path: Path, trust: Trust, host: HostReader, wanted: Sequence[str] = ()) -> tuple[BundleManifest, str]:
    """Proves every byte; the manifest and the id of the key that signed it. Raises BootstrapError (exit 9)."""
    with verified(path, trust, host.reach) as bundle:
        require(bundle.manifest, wanted, bundle.manifest.architectures)
        return bundle.manifest, bundle.signer


def load_bundle(
    path: Path, trust: Trust, to: str, host: Host, socket: str, done: Callable[[str], None]
) -> tuple[tuple[str, ...], int]:
    """Proves a bundle, then loads what is not there already; those names, and how many images it has for us."""
    architecture = own_platform().architecture
    with verified(path, trust, host.reach) as bundle:
        ours = _for_us(bundle, architecture)
        if to == DOCKER:
            from bootstrap.host.docker.images import DockerImages  # HTTP clients cost a start 0.2 s

            return DockerImages(host.reach).load(bundle, architecture), ours
        return Containerd(host, socket).load(bundle, architecture, done), ours


@contextlib.contextmanager
def for_init(
    origin: str, trust: Trust, host: Host, observed: Observed, manifests: Mapping[str, str]
) -> Iterator[tuple[Bundled, LoadImages]]:
    """A bundle that was proven and has all that this cluster needs, and how to load from it. Raises BootstrapError."""
    cfg, architecture = observed.cfg, own_platform().architecture
    extra = read_addons(host, cfg, manifests)
    wanted = references(cfg, observed.facts, manifests, read_patches(host, cfg.node.patches_directory), extra)
    first = critical(cfg)
    contents = Contents(cfg, wanted, first, (architecture,))
    with _as_file(origin, trust, contents, host) as (path, believed, reach):  # noqa: SIM117
        with verified(path, believed, reach) as bundle:
            require(bundle.manifest, wanted, [architecture])
            ours = [image.reference for image in bundle.manifest.images if image.platform(architecture)]
            containerd = Containerd(host, cfg.node.cri_socket)
            with contextlib.ExitStack() as stack:

                @cache  # containerd runs by the time of the first part
                def loading() -> Part:
                    return stack.enter_context(containerd.loading(bundle, architecture))

                yield (
                    Bundled(first, tuple(n for n in ours if n not in first)),
                    lambda names, over: loading()(names, over),
                )


@contextlib.contextmanager
def _as_file(
    origin: str, trust: Trust, contents: Contents, host: HostReader
) -> Iterator[tuple[Path, Trust, Callable[[str], str]]]:
    """A bundle's file as it is; an image layout's folder or the Docker engine's images as a bundle made for this once.

    The engine is believed as it is: it runs us. A folder is signed by nobody. With the file comes the way to it, since
    what is made for this once lies in our own container.
    """
    folder = origin != DOCKER and is_folder(reached(host.reach, origin))
    if origin != DOCKER and not folder:
        yield Path(origin), trust, host.reach
        return
    if folder and not trust.unsigned:
        raise BootstrapError(
            f"{origin} is refused: it is a folder, and nobody can have signed it",
            code=Exit.IMAGE,
            fix="make a signed bundle of it (bootstrap bundle create --from layout:DIR), or add --insecure-unsigned",
        )
    from bootstrap.workflows.images.bundle_sources import sources  # HTTP clients cost a start 0.2 s

    from_here = [f"layout:{origin}" if folder else DOCKER]
    with scratch_folder("bundle") as where, sources(from_here, contents, host.reach, level=FAST) as found:
        path = where / "images.bundle"
        create(contents, found, None, path, datetime.now(UTC), FAST)
        yield path, Trust(unsigned=True), str


def _for_us(bundle: BundleFile, architecture: str) -> int:
    count = sum(image.platform(architecture) is not None for image in bundle.manifest.images)
    if not count:
        raise BootstrapError(
            f"{bundle.path} has nothing for {architecture}",
            code=Exit.IMAGE,
            why=f"it is for {', '.join(bundle.manifest.architectures)}",
            fix=f"bootstrap bundle create --arch {architecture} …",
        )
    return count
