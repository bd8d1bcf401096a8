"""One phase of a plan: a filter over its steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan, Step

ALL = "/all"
"""kubeadm's name for every sub-phase: `certs all`."""
WITHOUT_STEPS = {
    "preflight": "every init begins with it",
    "show-join-command": "it prints, and changes nothing",
}
"""kubeadm's phases that change nothing here, and why."""
UPLOAD = "bootstrap init phase upload-certs --upload-certs"
PHASES = (
    *WITHOUT_STEPS,
    *("certs", "kubeconfig", "etcd", "etcd/local", "control-plane", "kubelet-start", "wait-control-plane"),
    *("upload-config", "upload-certs", "mark-control-plane", "bootstrap-token", "kubelet-finalize"),
    *("addon", "addon/coredns", "addon/kube-proxy"),
)
"""kubeadm's phases: a configuration may leave them without a step, and their names are good all the same."""


def only(plan: Plan, phase: str, exists: Callable[[str], bool]) -> Plan:
    """The steps of `phase` (`certs`, `certs/all` or `certs/ca`), in their order, without those before them.

    Raises BootstrapError: exit 2 when no step has that name, exit 8 when the CA that signs its certificates is not
    there yet: they would be signed with one that nobody keeps.
    """
    chosen = [step for step in plan.steps if belongs(step.id, phase)]
    if not chosen:
        _refuse([phase], plan.steps)
        raise BootstrapError(
            f"phase {phase} has nothing to do",
            code=Exit.USAGE,
            why=WITHOUT_STEPS.get(phase, "the configuration leaves it out"),
            fix=UPLOAD if phase == "upload-certs" else "",
        )
    ids = {step.id for step in chosen}
    makers = {signer for step in chosen if (signer := _signer(step.id))} - ids
    for step in plan.steps:
        if step.id in makers and _lacks_key(step, exists):
            raise BootstrapError(
                f"phase {phase} needs what phase {step.id} makes",
                code=Exit.CONFLICT,
                fix=f"bootstrap init phase {step.id.replace('/', ' ')}",
            )
    return Plan(tuple(dataclasses.replace(s, after=tuple(a for a in s.after if a in ids)) for s in chosen))


def without(steps: tuple[Step, ...], skipped: tuple[str, ...]) -> tuple[Step, ...]:
    """Leaves out phases (`addon` with all its sub-phases); who came after one comes after its predecessors.

    Predecessors that this configuration has no step for (no local etcd, no add-on) drop out in the same way.

    Raises BootstrapError (exit 2) for a name that is no phase.
    """
    _refuse(skipped, steps)
    by_id = {step.id: step for step in steps}

    def is_skipped(step_id: str) -> bool:
        return any(belongs(step_id, phase) for phase in skipped)

    def kept(after: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for step_id in after:
            if step_id in by_id:
                found += kept(by_id[step_id].after) if is_skipped(step_id) else (step_id,)
        return tuple(dict.fromkeys(found))

    return tuple(dataclasses.replace(s, after=kept(s.after)) for s in steps if not is_skipped(s.id))


def belongs(step: str, phase: str) -> bool:
    """Whether a step is `phase`, or below it."""
    name = phase.removesuffix(ALL)
    return step == name or step.startswith(f"{name}/")


def _refuse(phases: Iterable[str], steps: tuple[Step, ...]) -> None:
    """Raises BootstrapError (exit 2) for the first that neither kubeadm nor this plan has."""
    for phase in phases:
        if phase.removesuffix(ALL) in PHASES or any(belongs(step.id, phase) for step in steps):
            continue
        known = dict.fromkeys(step.id.split("/")[0] for step in steps)
        raise BootstrapError(f"there is no phase {phase!r}", code=Exit.USAGE, fix=f"one of: {', '.join(known)}")


_ETCD = ("etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client")
_CERTIFICATES = {
    **dict.fromkeys(("apiserver", "apiserver-kubelet-client"), "certs/ca"),
    "front-proxy-client": "certs/front-proxy-ca",
    **dict.fromkeys(_ETCD, "certs/etcd-ca"),
}


def _signer(step: str) -> str:
    """The step that makes the CA which this step's certificates are signed with; empty when there are none."""
    phase, _, name = step.partition("/")
    if phase in ("kubeconfig", "bootstrap-token"):
        return "certs/ca"
    return _CERTIFICATES.get(name, "") if phase == "certs" else ""


def _lacks_key(step: Step, exists: Callable[[str], bool]) -> bool:
    return any(isinstance(e, File) and e.once and not exists(e.path) for e in step.effects)
