"""Images in the runtime: copied from our own, loaded from a bundle, or pulled through mirrors."""

from __future__ import annotations

from bootstrap.engine.drift import images_missing
from bootstrap.engine.effects.dispatch import apply_effect
from bootstrap.engine.run_context import RunContext
from bootstrap.host.images.seed import METADATA, SEED
from bootstrap.host.images.seed_copy import copy_seed
from bootstrap.model.effects import (
    ImagePresent,
    ImagesImported,
    ImagesLoaded,
    ImagesSeeded,
)
from bootstrap.model.images.reference import parse_reference
from bootstrap.model.journal_entry import IMAGES
from bootstrap.render.images.mirrors import route


@apply_effect.register
def _(effect: ImagesSeeded, context: RunContext, timeout: float) -> str:
    if context.host.stat(f"{effect.root}/{METADATA}"):
        return ""
    copy_seed(SEED, context.host, effect.root)
    return f"images in {effect.root}"


@apply_effect.register
def _(effect: ImagesImported, context: RunContext, timeout: float) -> str:
    missing = images_missing(context.host, effect)
    if not missing:
        return ""
    from bootstrap.host.images.seed_import import import_seed  # few hosts have a runtime that is not ours

    context.journal.note(IMAGES, effect.socket)
    import_seed(context.host, effect.socket)
    return f"{len(missing)} images in {effect.socket}"


@apply_effect.register
def _(effect: ImagesLoaded, context: RunContext, timeout: float) -> str:
    if context.load_images is None:
        raise TypeError("images of a bundle are in the plan, and no bundle was given")
    loaded = context.load_images(effect.references)
    return f"{len(loaded)} images loaded" if loaded else ""


@apply_effect.register
def _(effect: ImagePresent, context: RunContext, timeout: float) -> str:
    # Here, since few runs pull: the HTTP client costs a start 0.1 s.
    from bootstrap.host.registry.limits import Deadline, Limits
    from bootstrap.host.runtime.containerd import Containerd, own_platform
    from bootstrap.host.runtime.image_puller import ImagePuller

    runtime, image = Containerd(context.host, effect.socket), parse_reference(effect.image)
    here = "" if effect.always else runtime.digest(image.tagged)
    if here and image.digest in ("", here):
        return ""
    limits = Limits(total=timeout)
    station = ImagePuller(runtime, own_platform(), limits, Deadline.after(timeout), context.report)
    _, found, _ = station.ensure(image, route(effect.mirrors.reached(context.host.reach), image), None)
    return f"{effect.image} brought in from {found.candidate.server.host}" if found else ""
