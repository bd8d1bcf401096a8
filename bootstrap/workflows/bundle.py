"""`bundle`: keys, proof, loading, and what `init` takes from one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.host.atomic import replacing
from bootstrap.host.bundle import Bundle, Trust, verified
from bootstrap.host.containerd_images import ContainerdImages
from bootstrap.host.cri import PID1_ROOT, reached
from bootstrap.host.docker_images import DockerImages
from bootstrap.host.live import LiveHost
from bootstrap.host.zst import FAST
from bootstrap.model.bundle import BundleManifest
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import GUEST
from bootstrap.model.runtime import NODE as NODE_RUNTIME
from bootstrap.phases.images import Bundled
from bootstrap.render.bundle import critical, not_in, references
from bootstrap.render.signature import new_key
from bootstrap.workflows.addons import read_addons
from bootstrap.workflows.bundle_create import Contents, create, source
from bootstrap.workflows.init import Decision, LoadImages, read_patches
from bootstrap.workflows.mode import HOST, choose_mode

DOCKER = "docker"


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
        return ContainerdImages(socket or our_socket()).load(bundle, architecture, done), ours


@contextlib.contextmanager
def for_init(
    origin: str, trust: Trust, decision: Decision, manifests: Mapping[str, str], architecture: str
) -> Iterator[tuple[Bundled, LoadImages]]:
    """A bundle that was proven and has all that this cluster needs, and how to load from it. Raises BootstrapError."""
    cfg = decision.cfg
    host = LiveHost()
    extra = read_addons(host, cfg, manifests)
    wanted = references(cfg, decision.facts, manifests, read_patches(host, cfg.patches_directory), extra)
    first = critical(cfg)
    with _as_file(origin, trust, Contents(cfg, wanted, first, (architecture,))) as (path, believed):  # noqa: SIM117
        with verified(path, believed) as bundle:
            require(bundle.manifest, wanted, [architecture])
            ours = [image.reference for image in bundle.manifest.images if image.platform(architecture)]
            containerd = ContainerdImages(reached(cfg.node.cri_socket))

            def load(names: tuple[str, ...]) -> tuple[str, ...]:
                return containerd.load(bundle, architecture, only=names)

            yield Bundled(first, tuple(name for name in ours if name not in first)), load


@contextlib.contextmanager
def _as_file(origin: str, trust: Trust, contents: Contents) -> Iterator[tuple[Path, Trust]]:
    """A bundle's file as it is; an image layout's folder or the Docker engine's images as a bundle made for this once.

    The engine is believed as it is: it runs us. A folder is signed by nobody.
    """
    folder = Path(origin).is_dir()
    if origin != DOCKER and not folder:
        yield Path(origin), trust
        return
    if folder and not trust.unsigned:
        raise BootstrapError(
            f"{origin} is refused: it is a folder, and nobody can have signed it",
            code=Exit.IMAGE,
            fix="make a signed bundle of it (bootstrap bundle create --from layout:DIR), or add --insecure-unsigned",
        )
    where = tempfile.TemporaryDirectory(prefix="bootstrap-bundle-", dir="/var/tmp")
    with where as name, source(f"layout:{origin}" if folder else DOCKER, contents.images) as found:
        path = Path(name) / "images.bundle"
        create(contents, found, None, path, datetime.now(UTC), FAST)
        yield path, Trust(unsigned=True)


def our_socket() -> str:
    """Path of the socket of the containerd that init makes: this container's, or the host's below its root."""
    return f"{PID1_ROOT}{GUEST.address}" if choose_mode().name == HOST else NODE_RUNTIME.address


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
