"""The step that has systemd run the program later: certificates of a control plane are renewed before they end."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.effects import Effect, FileGone, ProgramInstalled, UnitRunning, UnitStopped
from bootstrap.model.plan import Step
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.parts import Part
from bootstrap.render.node.timers import RENEWAL, timer_files

RENEWAL_STEP = "certificate-renewal"


def timer_steps(node: NodeInputs) -> Part:
    """While Pods start: nobody waits for it before the run is over."""
    files = timer_files(RENEWAL, node.facts.mode)
    on_host = node.facts.mode == "host"
    effects: tuple[Effect, ...]
    if node.cfg.own.certificate_renewal:
        program = (ProgramInstalled(names.HOST_PROGRAM),) if on_host else ()
        effects = (*program, *files, UnitRunning(RENEWAL.unit, tuple(file.path for file in files), enabled=on_host))
    else:
        effects = (UnitStopped(RENEWAL.unit), *(FileGone(file.path) for file in files))
    return Part((RENEWAL_STEP,), (Step(RENEWAL_STEP, "Node", effects, after=("wait-control-plane/apiserver",)),))
