"""One phase of a plan: a filter over its steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator

from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan, Step
from bootstrap.phases.naming import OF_INIT, Naming

UPLOAD = "bootstrap init phase upload-certs --upload-certs"


def only(plan: Plan, phase: str, exists: Callable[[str], bool], naming: Naming = OF_INIT) -> Plan:
    """The steps of `phase` (`certs`, `certs/all` or `certs/ca`), in their order, without those before them.

    Raises BootstrapError: exit 2 when no step has that name, exit 8 when the CA that signs its certificates is not
    there yet: they would be signed with one that nobody keeps.
    """
    chosen = [step for step in plan.steps if naming.covers(phase, step.id)]
    if not chosen:
        _refuse([phase], plan.steps, naming)
        raise BootstrapError(
            f"phase {phase} has nothing to do",
            code=Exit.USAGE,
            why=naming.without_steps.get(phase, "the configuration leaves it out"),
            fix=UPLOAD if phase == "upload-certs" else "",
        )
    ids = {step.id for step in chosen}
    for step, maker in _unsigned(chosen, plan.steps, exists):
        raise BootstrapError(
            f"phase {phase} needs what phase {maker} makes",
            code=Exit.CONFLICT,
            why=f"{step} is signed with it",
            fix=naming.command(maker),
        )
    return Plan(tuple(dataclasses.replace(s, after=tuple(a for a in s.after if a in ids)) for s in chosen))


def without(
    steps: tuple[Step, ...], skipped: tuple[str, ...], there: Collection[str] = (), naming: Naming = OF_INIT
) -> tuple[Step, ...]:
    """Leaves out phases (`addon` with all its sub-phases); who came after one comes after its predecessors.

    Predecessors that this configuration has no step for (no local etcd, no add-on) drop out in the same way. `there`
    are paths that exist.

    Raises BootstrapError: exit 2 for a name that is no phase, 8 when a CA is left out that others are signed with, and
    is not there.
    """
    _refuse(skipped, steps, naming)
    by_id = {step.id: step for step in steps}

    def is_skipped(step_id: str) -> bool:
        return any(naming.covers(phase, step_id) for phase in skipped)

    def kept(after: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for step_id in after:
            if step_id in by_id:
                found += kept(by_id[step_id].after) if is_skipped(step_id) else (step_id,)
        return tuple(dict.fromkeys(found))

    left = [step for step in steps if not is_skipped(step.id)]
    for step, maker in _unsigned(left, steps, lambda path: path in there):
        raise BootstrapError(
            f"phase {step} needs what phase {maker} makes, which is left out",
            code=Exit.CONFLICT,
            why="its certificates would be of a CA that nobody keeps",
            fix=f"leave {step.split('/')[0]} out as well, or bring the CA: its certificate and its key",
        )
    return tuple(dataclasses.replace(s, after=kept(s.after)) for s in left)


def _refuse(phases: Iterable[str], steps: tuple[Step, ...], naming: Naming) -> None:
    """Raises BootstrapError (exit 2) for the first that neither kubeadm nor this plan has."""
    for phase in phases:
        if naming.knows(phase) or any(naming.covers(phase, step.id) for step in steps):
            continue
        known = dict.fromkeys(name.split("/")[0] for name in (*naming.phases, *(step.id for step in steps)))
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
    if phase in ("kubeconfig", "bootstrap-token", "upload-certs"):
        return "certs/ca"
    return _CERTIFICATES.get(name, "") if phase == "certs" else ""


def _unsigned(
    chosen: Iterable[Step], steps: Iterable[Step], exists: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Steps whose certificates are signed with a CA that is neither there nor made by one of them, and who makes it."""
    chosen = tuple(chosen)
    ids, makers = {step.id for step in chosen}, {step.id: step for step in steps}
    for step in chosen:
        maker = makers.get(_signer(step.id))
        if maker and maker.id not in ids and _lacks_key(maker, exists):
            yield step.id, maker.id


def _lacks_key(step: Step, exists: Callable[[str], bool]) -> bool:
    return any(isinstance(e, File) and e.once and not exists(e.path) for e in step.effects)
