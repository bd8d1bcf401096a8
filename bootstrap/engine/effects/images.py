"""Images in the runtime: copied from our own, loaded from a bundle, or pulled through mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.records import Comparison, RecordKind, State, added, register_kind
from bootstrap.engine.run_context import RunContext, RunOver
from bootstrap.host.images.seed import METADATA, SEED, seed_images
from bootstrap.host.images.seed_copy import copy_seed
from bootstrap.host.port import Host, HostReader
from bootstrap.host.runtime.cri import patient_crictl
from bootstrap.model import names
from bootstrap.model.effects import ImagePresent, ImagesImported, ImagesLoaded, ImagesSeeded
from bootstrap.model.errors import BootstrapError
from bootstrap.model.images.reference import parse_reference
from bootstrap.model.journal_entry import IMAGES, Entry
from bootstrap.model.reset_effects import Restored
from bootstrap.model.upgrade_effects import ImagesReleased
from bootstrap.render.images.mirrors import route


def _seed(effect: ImagesSeeded, context: RunContext, timeout: float) -> str:
    if context.host.stat(f"{effect.root}/{METADATA}"):
        return ""
    copy_seed(SEED, context.host, effect.root)
    return f"images in {effect.root}"


def images_missing(host: HostReader, effect: ImagesImported) -> list[str]:
    """Names that the runtime does not have, or has for other images."""
    there = host.images(effect.socket) or {}
    return [name for name, identifier in seed_images().items() if there.get(name) != identifier]


def _import(effect: ImagesImported, context: RunContext, timeout: float) -> str:
    missing = images_missing(context.host, effect)
    if not missing:
        return ""
    from bootstrap.host.images.seed_import import import_seed  # few hosts have a runtime that is not ours

    context.journal.note(IMAGES, effect.socket)
    import_seed(context.host, effect.socket)
    return f"{len(missing)} images in {effect.socket}"


def _describe_import(effect: ImagesImported, host: HostReader) -> str:
    missing = images_missing(host, effect)
    return f"images in {effect.socket}: " + (f"{len(missing)} new" if missing else UNCHANGED)


@contextmanager
def _until_over(context: RunContext) -> Iterator[None]:
    """A transfer that breaks off since the run has ended is no failure of its own."""
    try:
        yield
    except BootstrapError:
        if context.over.is_set():
            raise RunOver from None
        raise


def _load(effect: ImagesLoaded, context: RunContext, timeout: float) -> str:
    if context.load_images is None:
        raise TypeError("images of a bundle are in the plan, and no bundle was given")
    with _until_over(context):
        loaded = context.load_images(effect.references, context.over)
    return f"{len(loaded)} images loaded" if loaded else ""


def _release(effect: ImagesReleased, context: RunContext, timeout: float) -> str:
    """A runtime that is asked in another way than ctr's keeps what it has."""
    from bootstrap.host.runtime.containerd import Containerd  # few runs need it

    runtime, kept, released = Containerd(context.host, effect.socket), {*effect.kept, *seed_images()}, 0
    try:
        for name, (_, pinned) in runtime.there().items():
            if pinned and is_ours(name) and name not in kept:
                runtime.release(name)
                released += 1
    except BootstrapError:
        return ""
    return f"{released} images of earlier versions may go" if released else ""


def _pull(effect: ImagePresent, context: RunContext, timeout: float) -> str:
    # Here, since few runs pull: the HTTP client costs a start 0.1 s.
    from bootstrap.host.registry.limits import Deadline, Limits
    from bootstrap.host.runtime.containerd import Containerd, own_platform
    from bootstrap.host.runtime.image_puller import ImagePuller

    runtime, image = Containerd(context.host, effect.socket), parse_reference(effect.image)
    here = "" if effect.always else runtime.digest(image.tagged)
    if here and image.digest in ("", here):
        return ""
    limits = Limits(total=timeout)
    station = ImagePuller(runtime, own_platform(), limits, Deadline.after(timeout, context.over), context.report)
    way = route(effect.mirrors.reached(context.host.reach), image)
    with _until_over(context):
        _, found, _ = station.ensure(image, way, None)
    return f"{effect.image} brought in from {found.candidate.server.host}" if found else ""


def is_ours(name: str) -> bool:
    return name.startswith(f"{names.BUILT_REPOSITORY}/")


def ours_left(host: HostReader, entry: Entry) -> list[str]:
    return [name for name in added(host, entry) if is_ours(name)]


def _observe(host: HostReader, socket: str) -> State:
    found = host.images(socket)
    return None if found is None else {"names": sorted(found)}


def _undo(host: Host, effect: Restored) -> str:
    socket = effect.entry.name
    left = ours_left(host, effect.entry)
    for name in left:
        if name in (host.images(socket) or ()):  # an image goes with all its names
            patient_crictl(host, socket, "rmi", name)
    return f"{len(left)} images removed from {socket}" if left else ""


def _compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    for name in added(host, entry):
        (found.left if is_ours(name) else found.others).append(f"image {name} in {entry.name}")


register(
    ImagesSeeded,
    apply=_seed,
    describe=lambda effect, host: (
        f"images in {effect.root}: {UNCHANGED if host.stat(f'{effect.root}/{METADATA}') else 'new'}"
    ),
)
register(ImagesImported, apply=_import, describe=_describe_import)
register(
    ImagesLoaded,
    apply=_load,
    describe=lambda effect, host: f"images of the bundle, if they are not there: {', '.join(effect.references)}",
)
register(
    ImagesReleased,
    apply=_release,
    describe=lambda effect, host: f"images in {effect.socket}: of earlier versions those may go that nothing needs",
)
register(
    ImagePresent,
    apply=_pull,
    describe=lambda effect, host: f"image {effect.image}: brought in and pinned unless it is there",
)
register_kind(
    IMAGES,
    RecordKind(
        observe=_observe,
        undo=_undo,
        describe=lambda host, effect: (
            f"remove images in {effect.entry.name}: {', '.join(ours_left(host, effect.entry)) or UNCHANGED}"
        ),
        compare=_compare,
    ),
)
