"""What runs is exchanged in one moment: the plan of `init` where another version or configuration runs already."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.model import names
from bootstrap.model.conditions import Condition, NodeReady
from bootstrap.model.effects import Effect, File, LeaseFreed, StaticPodsReplaced, UnitRunning
from bootstrap.model.plan import Plan, Step
from bootstrap.phases.control_plane import ETCD_ADDED

EXCHANGED = "control-plane/exchanged"
MANIFESTS = {
    "etcd/local": "etcd",
    ETCD_ADDED: "etcd",
    "control-plane/apiserver": "kube-apiserver",
    "control-plane/controller-manager": "kube-controller-manager",
    "control-plane/scheduler": "kube-scheduler",
}
"""Steps of `init` and `join`, and whose manifest each writes."""
KUBELETS = ("kubelet-start/config", "kubelet-start/credentials")


def exchanged(init: Plan, socket: str) -> Plan:
    """The plan of another configuration: all files first, then the static Pods that change, the kubelet aside.

    Else what is asked and waited for is what runs until the kubelet has seen the new manifests. `socket` is of the
    kubelet's runtime.
    """
    changed = tuple(map(without_manifest, init.steps))
    local = tuple(step.id for step in changed if is_local(step))
    moved = tuple(moved_behind(step, (), socket) for step in changed)
    return replace(init, steps=(*moved, exchange(manifests_of(init), socket, local)))


def exchange(manifests: tuple[File, ...], socket: str, after: tuple[str, ...]) -> Step:
    return Step(EXCHANGED, "Control plane", (StaticPodsReplaced(manifests, socket),), after=after)


def manifests_of(init: Plan, etcd: bool = True) -> tuple[File, ...]:
    """etcd's only if it is wanted."""
    steps = {step.id: step for step in init.steps}
    return tuple(_manifest(steps[n], of) for n, of in MANIFESTS.items() if n in steps and (etcd or of != "etcd"))


def is_local(step: Step) -> bool:
    """Whether it only changes files and the runtime: it comes before the exchange."""
    group = step.id.partition("/")[0]
    return group in ("record", "certs", "kubeconfig", "host", "runtime") or step.id in (*MANIFESTS, *KUBELETS)


def _manifest(step: Step, component: str) -> File:
    return next(e for e in step.effects if isinstance(e, File) and e.path.endswith(f"/{component}.yaml"))


def without_manifest(step: Step) -> Step:
    """A step of `init` whose manifest is left to the exchange."""
    if step.id in MANIFESTS:
        manifest = _manifest(step, MANIFESTS[step.id])
        return replace(step, effects=tuple(e for e in step.effects if e != manifest))
    return step


def moved_behind(
    step: Step, before: tuple[str, ...], socket: str, version: str = "", *, exchanges: bool = True
) -> Step:
    """What was to happen before the kubelet's start still does, and all of it after `before`.

    `version` is the kubelet's to be, empty for the one that is here.
    """
    if step.id in MANIFESTS:  # the controllers' waited for the API server, which is not exchanged yet
        return replace(step, after=before)
    found = started(step, socket, version)
    if exchanges and (
        step.id == "kubelet-start" or step.id.startswith("wait-control-plane/")
    ):  # or the old ones are asked
        return replace(found, after=(*step.after, EXCHANGED))
    return replace(found, after=(*before, *step.after))


def started(step: Step, socket: str, version: str = "") -> Step:
    """A step of `init` where something ran before: the kubelet of another binary, and who led."""

    def fitted(effect: Effect) -> Effect:
        if isinstance(effect, UnitRunning) and effect.name == names.KUBELET_SERVICE:
            return replace(effect, uses=(*effect.uses, f"{names.HOST_BIN_DIR}/kubelet"))
        return replace(effect, socket=socket) if isinstance(effect, LeaseFreed) else effect

    def expected(wait: Condition) -> Condition:
        return replace(wait, version=version) if isinstance(wait, NodeReady) else wait

    return replace(step, effects=tuple(map(fitted, step.effects)), waits=tuple(map(expected, step.waits)))
