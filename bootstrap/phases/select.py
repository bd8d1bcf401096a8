"""One phase of a plan: a filter over its steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan, Step

ALL = "/all"
"""kubeadm's name for every sub-phase: `certs all`."""


def only(plan: Plan, phase: str, exists: Callable[[str], bool]) -> Plan:
    """The steps of `phase` (`certs`, `certs/all` or `certs/ca`), in their order, without those before them.

    Raises BootstrapError: exit 2 when no step has that name, exit 8 when the CA that signs its certificates is not
    there yet: they would be signed with one that nobody keeps.
    """
    name = phase.removesuffix(ALL)
    chosen = [step for step in plan.steps if step.id == name or step.id.startswith(f"{name}/")]
    if not chosen:
        known = dict.fromkeys(step.id.split("/")[0] for step in plan.steps)
        raise BootstrapError(f"there is no phase {phase!r}", code=Exit.USAGE, fix=f"one of: {', '.join(known)}")
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


def _signer(step: str) -> str:
    """The step that makes the CA which this step's certificates are signed with; empty when there are none."""
    phase, _, name = step.partition("/")
    if phase == "kubeconfig" or name in ("apiserver", "apiserver-kubelet-client") or step == "bootstrap-token":
        return "certs/ca"
    if name == "front-proxy-client":
        return "certs/front-proxy-ca"
    return "certs/etcd-ca" if phase == "certs" and "etcd-" in name and name != "etcd-ca" else ""


def _lacks_key(step: Step, exists: Callable[[str], bool]) -> bool:
    return any(isinstance(e, File) and e.once and not exists(e.path) for e in step.effects)
