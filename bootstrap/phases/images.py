"""Images from a bundle in the plan of `init`: what the API server needs first, the others while it starts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bootstrap.model.effects import ImagesLoaded
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


def with_images(steps: list[Step], bundled: Bundled | None) -> list[Step]:
    """The steps with those that load a bundle, and after them what uses their images."""
    if bundled is None:
        return steps
    loading = [
        Step(CRITICAL, "Images", (ImagesLoaded(bundled.critical),), after=("runtime",), timeout=TIMEOUT),
        Step(OTHERS, "Images", (ImagesLoaded(bundled.others),), after=(CRITICAL,), timeout=TIMEOUT),
    ]
    waiting = [
        dataclasses.replace(step, after=(*step.after, _BEFORE[step.id])) if step.id in _BEFORE else step
        for step in steps
    ]
    return [*waiting, *loading]
