"""The plan of `certs renew`: first the files, then who reads them, one after the other, each until it is well again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from bootstrap.model import names
from bootstrap.model.cluster import Document
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import File, FileGone, StaticPodRestarted, UnitRunning
from bootstrap.model.plan import Plan, Step
from bootstrap.render.controlplane.args import flags_of
from bootstrap.render.health import probe_url
from bootstrap.render.pki.inventory import KUBELET
from bootstrap.render.pki.renewal import Renewed

STATIC_PODS = ("etcd", *names.CONTROL_PLANE)
"""In the order of their restart: nobody is ended while what it asks is not back."""
AT_THEIR_START = "the kubelet does not run: who reads the new certificates reads them at the next start"


def renew_plan(
    renewed: Iterable[Renewed], pods: Mapping[str, Document], socket: str, health: str, *, kubelet_runs: bool
) -> Plan:
    """`pods` are the static Pods that are here, by name; `health` is the kubelet's URL, `socket` its runtime's.

    A kubelet that runs comes last: one that starts asks the API server, and makes nothing else meanwhile.
    """
    changed = tuple(renewed)
    steps = [Step(f"renew/{each.name}", "Certificates", each.files) for each in changed]
    kubelet = next((each for each in changed if each.name == KUBELET), None)
    if kubelet is None and not kubelet_runs:
        return Plan(tuple(steps), remarks=(AT_THEIR_START,) if steps else ())
    restarts = [_static_pod(pods[name], name, socket, changed) for name in STATIC_PODS if name in pods]
    if kubelet is not None:
        running, waits = UnitRunning(names.KUBELET_SERVICE, kubelet.paths), HttpOk("kubelet healthy", health)
        restart = Step("restart/kubelet", "Kubelet", (running,), (waits,) if health else ())
        restarts.insert(len(restarts) if kubelet_runs else 0, restart)
    before = tuple(step.id for step in steps)
    for step in filter(None, restarts):
        steps.append(replace(step, after=before))
        before = (step.id,)
    return Plan(tuple(steps))


def noted(plan: Plan, renewed: Iterable[Renewed], unfinished: Collection[str]) -> Plan:
    """The plan with a note of what it renews: what is new and read by nobody yet is not due, and would be forgotten.

    `unfinished` is in the note already.
    """
    wanted = [each.name for each in renewed]
    if not wanted:
        return plan
    rest = [name for name in unfinished if name not in wanted]
    begin = Step("renew/begin", "Certificates", (_note([*rest, *wanted]),))
    steps = tuple(replace(step, after=step.after or (begin.id,)) for step in plan.steps)
    over = Step(
        "renew/end",
        "Certificates",
        (_note(rest) if rest else FileGone(names.RENEWING),),
        after=tuple(step.id for step in steps),
    )
    return replace(plan, steps=(begin, *steps, over))


def _note(wanted: Iterable[str]) -> File:
    return File(names.RENEWING, " ".join(wanted).encode(), mode=0o600)


def _static_pod(pod: Document, name: str, socket: str, changed: Iterable[Renewed]) -> Step | None:
    """None for one that reads nothing of it."""
    paths = {path for each in changed for path in each.paths}
    uses = tuple(sorted(paths.intersection(flags_of(pod).values())))
    if not uses:
        return None
    url, restarted = probe_url(pod), StaticPodRestarted(name, uses, socket)
    waits = (HttpOk(f"{name} healthy", url),) if url else ()
    return Step(f"restart/{name}", "Control plane", (restarted,), waits)
