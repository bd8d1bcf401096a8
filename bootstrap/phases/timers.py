"""Steps that have systemd run the program later: certificates are renewed before they end, etcd is saved."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.effects import Effect, FileGone, ProgramInstalled, UnitRunning, UnitStopped
from bootstrap.model.plan import Step
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.parts import Part
from bootstrap.render.node.timers import RENEWAL, Timer, snapshots, timer_files

RENEWAL_STEP = "certificate-renewal"
SNAPSHOTS_STEP = "etcd-snapshots"


def timer_steps(node: NodeInputs) -> Part:
    """While Pods start: nobody waits for it before the run is over."""
    own = node.cfg.own
    renewal = _effects(node, RENEWAL, wanted=own.certificate_renewal)
    saving = _effects(node, snapshots(own.etcd_snapshots), wanted=own.etcd_snapshots > 0)
    return Part(
        (RENEWAL_STEP, SNAPSHOTS_STEP),
        (
            Step(RENEWAL_STEP, "Node", renewal, after=("wait-control-plane/apiserver",)),
            Step(SNAPSHOTS_STEP, "Node", saving, after=(RENEWAL_STEP,)),  # which may bring the program
        ),
    )


def _effects(node: NodeInputs, timer: Timer, *, wanted: bool) -> tuple[Effect, ...]:
    files = timer_files(timer, node.facts.mode)
    if not wanted:
        return (UnitStopped(timer.unit), *(FileGone(file.path) for file in files))
    on_host = node.facts.mode == "host"
    program = (ProgramInstalled(names.HOST_PROGRAM),) if on_host else ()
    return (*program, *files, UnitRunning(timer.unit, tuple(file.path for file in files), enabled=on_host))
