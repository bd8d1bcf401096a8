"""The plan of `join` on a worker: the kubelet gets its credential by the token, then the node its network."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.conditions import FileThere, NodeReady
from bootstrap.model.effects import File, FileGone
from bootstrap.model.plan import Plan, Step
from bootstrap.phases.addons import workload_timeout
from bootstrap.phases.images import with_images
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.machine import KUBELET_FILES, record_step, service_steps
from bootstrap.phases.parts import Part, joined
from bootstrap.phases.select import without
from bootstrap.render.images.required import to_bring_in

CREDENTIALS = "kubelet-start/credentials"
"""What the kubelet asks for its certificate with; a part of kubeadm's phase of that name."""
BOOTSTRAPPED = "kubelet-wait-bootstrap"
DONE = "kubelet-wait-bootstrap/done"


@dataclass(frozen=True)
class JoinInputs:
    """`bootstrap_kubeconfig` is None where the kubelet has its own credential already."""

    ca: File
    bootstrap_kubeconfig: File | None


def join_plan(node: NodeInputs, join: JoinInputs) -> Plan:
    """A second run finds the kubelet's credential, and changes only what differs."""
    parts = (
        Part(("record",), (record_step(node),)),
        _credentials(join),
        service_steps(node, ready_to_start=(CREDENTIALS,)),
        _bootstrapped(node),
    )
    cfg = node.cfg
    steps = joined(with_images(parts, node.bundled, to_bring_in(cfg), serial=cfg.node.image_pull_serial))
    return Plan(without(steps, cfg.run.skip_phases))


def _credentials(join: JoinInputs) -> Part:
    files = (join.ca, *((join.bootstrap_kubeconfig,) if join.bootstrap_kubeconfig else ()))
    return Part((CREDENTIALS,), (Step(CREDENTIALS, "Kubelet", files, after=("record", KUBELET_FILES)),))


def _bootstrapped(node: NodeInputs) -> Part:
    """The token's kubeconfig goes once it has served, as kubeadm does it."""
    cfg, waits = node.cfg, node.cfg.run.timeouts
    credential = FileThere("kubelet has its certificate", names.KUBELET_CONF)
    ready = NodeReady(cfg.node.name, node.facts.booted)
    steps = [
        Step(BOOTSTRAPPED, "Node", waits=(credential,), after=("kubelet-start",), timeout=waits.tls_bootstrap),
        Step(DONE, "Node", (FileGone(names.BOOTSTRAP_KUBELET_CONF),), after=(BOOTSTRAPPED,)),
    ]
    if node.wait != "api":
        steps.append(Step("node-ready", "Node", waits=(ready,), after=(DONE,), timeout=workload_timeout(cfg)))
    return Part((BOOTSTRAPPED, DONE, "node-ready"), tuple(steps))
