"""Images in the plan of `init`: from a bundle, what the API server needs first; or through mirrors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bootstrap.model.effects import ImagePresent, ImagesLoaded
from bootstrap.model.plan import Step
from bootstrap.phases.parts import Part

CRITICAL, OTHERS = "images/critical", "images/others"
_BEFORE = {
    "kubelet-start": CRITICAL,
    "control-plane/controller-manager": OTHERS,
    "control-plane/scheduler": OTHERS,
    "control-plane/keepalived": OTHERS,
    "addon/flannel": OTHERS,
    "addon/kube-proxy": OTHERS,
    "addon/coredns": OTHERS,
}
"""A kubelet that does not find an image waits 10 s and more before it looks again: Pods come after their images."""
TIMEOUT = 1800.0
"""Seconds for all images of a large bundle, on a slow disk."""


@dataclass(frozen=True)
class Bundled:
    """References in a verified bundle, in the order of loading."""

    critical: tuple[str, ...]
    others: tuple[str, ...]


def with_images(
    parts: Iterable[Part], bundled: Bundled | None, wanted: tuple[ImagePresent, ...], *, serial: bool = True
) -> tuple[Part, ...]:
    """The parts, and one more that loads a bundle, or brings in what is `wanted`; after it what uses its images.

    `serial`: one image after another.
    """
    if bundled is None:
        steps = tuple(Step(f"images/{e.image}", "Images", (e,), after=("runtime",), timeout=TIMEOUT) for e in wanted)
        if serial:
            steps = tuple(
                replace(step, after=(*step.after, *(earlier.id for earlier in steps[max(i - 1, 0) : i])))
                for i, step in enumerate(steps)
            )
        before = {"kubelet-start": tuple(step.id for step in steps)}
    else:
        steps = (
            Step(CRITICAL, "Images", (ImagesLoaded(bundled.critical),), after=("runtime",), timeout=TIMEOUT),
            Step(OTHERS, "Images", (ImagesLoaded(bundled.others),), after=(CRITICAL,), timeout=TIMEOUT),
        )
        before = {step: (images,) for step, images in _BEFORE.items()}
    return (*(_after(part, before) for part in parts), Part((CRITICAL, OTHERS, "images/*"), steps))


def _after(part: Part, before: Mapping[str, tuple[str, ...]]) -> Part:
    steps = (replace(step, after=(*step.after, *before.get(step.id, ()))) for step in part.steps)
    return replace(part, steps=tuple(steps))
