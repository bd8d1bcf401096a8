"""Images in the plan of `init`: from a bundle, what the API server needs first; or through mirrors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bootstrap.model.effects import ImagePresent, ImagesLoaded
from bootstrap.model.plan import Step

CRITICAL, OTHERS = "images/critical", "images/others"
_BEFORE = {
    "kubelet-start": CRITICAL,
    "control-plane/controller-manager": OTHERS,
    "control-plane/scheduler": OTHERS,
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


def with_images(steps: list[Step], bundled: Bundled | None, wanted: tuple[ImagePresent, ...]) -> list[Step]:
    """The steps with those that load a bundle, or bring in what is `wanted`; after them what uses their images."""
    if bundled is None:
        return _with_pulls(steps, wanted)
    loading = [
        Step(CRITICAL, "Images", (ImagesLoaded(bundled.critical),), after=("runtime",), timeout=TIMEOUT),
        Step(OTHERS, "Images", (ImagesLoaded(bundled.others),), after=(CRITICAL,), timeout=TIMEOUT),
    ]
    waiting = [
        dataclasses.replace(step, after=(*step.after, _BEFORE[step.id])) if step.id in _BEFORE else step
        for step in steps
    ]
    return [*waiting, *loading]


def _with_pulls(steps: list[Step], wanted: tuple[ImagePresent, ...]) -> list[Step]:
    pulls = [
        Step(f"images/{effect.image}", "Images", (effect,), after=("runtime",), timeout=TIMEOUT) for effect in wanted
    ]
    before = tuple(pull.id for pull in pulls)
    return [
        *(dataclasses.replace(s, after=(*s.after, *before)) if s.id == "kubelet-start" else s for s in steps),
        *pulls,
    ]
