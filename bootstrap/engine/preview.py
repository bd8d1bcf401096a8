"""Dry run: what a plan would change, found with the read half of the host port, so it cannot write."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.engine.effects import directory_differs, file_differs, unit_differs
from bootstrap.host.port import HostReader
from bootstrap.model.effects import (
    Apply,
    Create,
    Directory,
    Effect,
    EtcdPeerUrl,
    File,
    ImagePresent,
    RotatableKubeletCredential,
    UnitRunning,
    object_name,
)
from bootstrap.model.plan import Plan


@dataclass(frozen=True)
class PreviewedStep:
    """`effects` are lines of text; `waits` titles of conditions."""

    id: str
    group: str
    after: tuple[str, ...]
    effects: tuple[str, ...]
    waits: tuple[str, ...]


def preview(plan: Plan, host: HostReader) -> tuple[PreviewedStep, ...]:
    return tuple(
        PreviewedStep(
            step.id,
            step.group,
            step.after,
            tuple(_describe(effect, host) for effect in step.effects),
            tuple(condition.title for condition in step.waits),
        )
        for step in plan.steps
    )


def _describe(effect: Effect, host: HostReader) -> str:
    match effect:
        case File():
            return f"file {effect.shown}: {_verdict(file_differs(host, effect))}"
        case Directory():
            return f"directory {effect.path} ({effect.mode:04o}): {_verdict(directory_differs(host, effect))}"
        case UnitRunning():
            return f"unit {effect.name}: {_verdict(unit_differs(host, effect))}"
        case Apply():
            return f"apply {object_name(effect.body)}"
        case Create():
            return f"create {object_name(effect.body)} if absent"
        case RotatableKubeletCredential():
            return f"file {effect.kubeconfig}: point at {effect.certificate} once the kubelet has written it"
        case EtcdPeerUrl():
            return f"etcd peer URL {effect.url}"
        case ImagePresent():
            return f"image {effect.image}: brought in and pinned unless it is there"


def _verdict(difference: str) -> str:
    return {"": "unchanged", "missing": "new", "stopped": "start"}.get(difference, f"change ({difference})")
