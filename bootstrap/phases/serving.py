"""Steps by which kubelets serve with certificates that the cluster has signed: asked for, approved, verified."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.conditions import KubeletSigned
from bootstrap.model.effects import Apply, Effect, FileGone, ProgramInstalled, ServingApproved, UnitRunning, UnitStopped
from bootstrap.model.plan import Step
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.parts import Part
from bootstrap.phases.timers import RENEWAL_STEP
from bootstrap.render.cluster.objects import approver_rbac
from bootstrap.render.node.kubelet import asks, node_configuration, serving_file, verified
from bootstrap.render.node.timers import APPROVER, approver_file

RIGHTS, CERTIFICATE, UNIT = (f"kubelet-serving/{name}" for name in ("rights", "certificate", "approver"))


def approving_steps(node: NodeInputs) -> Part:
    """Of a control plane: its own kubelet's request is approved while the rest starts, all others by the unit.

    The unit's start costs a second of CPU, for which nobody waits.
    """
    cfg, on_host = node.cfg, node.facts.mode == "host"
    file, stamp = approver_file(node.facts.mode), f"{names.HOST_PROGRAM}/{names.STAMP}"
    if not asks(cfg):
        gone = (UnitStopped(APPROVER), FileGone(file.path))
        return Part((RIGHTS, CERTIFICATE, UNIT), (Step(UNIT, "Node", gone, after=("wait-control-plane/apiserver",)),))
    program = (ProgramInstalled(names.HOST_PROGRAM),) if on_host else ()
    running = UnitRunning(APPROVER, (file.path, *((stamp,) if on_host else ())), enabled=on_host)
    unit: tuple[Effect, ...] = (*program, file, running)
    timeouts = cfg.run.timeouts
    steps = [Step(UNIT, "Node", unit, after=(RIGHTS, RENEWAL_STEP, "node-ready", "addon/coredns/wait"))]
    if not cfg.node.server:  # the cluster begins here
        after, rights = ("wait-control-plane/apiserver", "addon/coredns"), tuple(map(Apply, approver_rbac()))
        steps.append(Step(RIGHTS, "Control plane", rights, after=after, timeout=timeouts.kubernetes_api_call))
    if _asks_here(node):
        approved = ServingApproved(_signed(node))
        before = ("mark-control-plane", "wait-control-plane/controller-manager")
        steps.append(Step(CERTIFICATE, "Node", (approved,), after=before, timeout=timeouts.tls_bootstrap))
    return Part((RIGHTS, CERTIFICATE, UNIT), tuple(steps))


def signed_step(node: NodeInputs, after: str) -> Part:
    """Of a worker, whose request the control planes approve."""
    timeout = node.cfg.run.timeouts.tls_bootstrap
    step = Step(CERTIFICATE, "Node", waits=(_signed(node),), after=(after,), timeout=timeout)
    return Part((CERTIFICATE,), (step,) if verified(node.cfg) and _asks_here(node) else ())


def _signed(node: NodeInputs) -> KubeletSigned:
    return KubeletSigned(node.cfg.node.name, serving_file(node.cfg), node.facts.booted)


def _asks_here(node: NodeInputs) -> bool:
    """Whether somebody waits for what this machine's kubelet asks for; a patch may keep it from asking."""
    configuration = node_configuration(node.cfg, node.facts, node.patches)
    return node.wait != "api" and configuration.get("serverTLSBootstrap") is True
