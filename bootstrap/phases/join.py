"""The plans of `join`: a worker whose kubelet gets its credential by the token, and one more control plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.conditions import FileThere, NodeReady
from bootstrap.model.effects import File, FileGone
from bootstrap.model.plan import Plan, Step
from bootstrap.phases.addons import workload_timeout
from bootstrap.phases.cluster import NODE_NETWORK, OWN_ADDONS, node_steps, own_addon_steps
from bootstrap.phases.control_plane import ETCD_ADDED, control_plane_steps
from bootstrap.phases.images import with_images
from bootstrap.phases.inputs import ControlPlaneInputs, NodeInputs
from bootstrap.phases.machine import KUBELET_FILES, file_steps, record_step, service_steps
from bootstrap.phases.naming import OF_JOIN
from bootstrap.phases.parts import Part, joined
from bootstrap.phases.select import without
from bootstrap.phases.serving import approving_steps, signed_step
from bootstrap.phases.timers import timer_steps
from bootstrap.render.addons.builtin import flannel_files
from bootstrap.render.images.required import to_bring_in

CREDENTIALS = "kubelet-start/credentials"
"""What the kubelet asks for its certificate with; a part of kubeadm's phase of that name."""
BOOTSTRAPPED = "kubelet-wait-bootstrap"
DONE = "kubelet-wait-bootstrap/done"


@dataclass(frozen=True)
class JoinInputs:
    """`kubeconfig` is what the kubelet starts with where that is another one than it has."""

    ca: File
    kubeconfig: File | None


def join_plan(node: NodeInputs, join: JoinInputs, manifests: Mapping[str, str]) -> Plan:
    """A second run finds the kubelet's credential, and changes only what differs."""
    parts = (
        Part(("record",), (record_step(node),)),
        _credentials(join),
        service_steps(node, ready_to_start=(CREDENTIALS,)),
        _bootstrapped(node, manifests),
        signed_step(node, BOOTSTRAPPED),
    )
    cfg = node.cfg
    steps = joined(with_images(parts, node.bundled, to_bring_in(cfg), serial=cfg.node.image_pull_serial))
    return Plan(without(steps, cfg.run.skip_phases, naming=OF_JOIN))


def join_control_plane_plan(
    node: NodeInputs, control_plane: ControlPlaneInputs, manifests: Mapping[str, str], *, addons: bool = False
) -> Plan:
    """As `init` has it, with an etcd that is joined; the kubelet's credential is signed here, as all of this machine's.

    Of the cluster itself only this node is marked: everything else is there. With `addons` ours become those of this
    version.
    """
    cfg, files = node.cfg, file_steps(node, control_plane)
    joins = control_plane.joins
    first = ETCD_ADDED if joins else "etcd/local" if cfg.local_etcd else "control-plane/apiserver"
    # or the kubelet would start the one of before
    again = ("control-plane/apiserver",) if joins and joins.voted else ()
    parts = (
        files,
        service_steps(node, (first, *again, "kubeconfig/kubelet", "kubeconfig/admin")),
        control_plane_steps(node, control_plane, tuple(step.id for step in files.steps)),
        timer_steps(node),
        approving_steps(node),
        node_steps(node, manifests, ()),
        own_addon_steps(node, manifests) if addons else Part(OWN_ADDONS, ()),
    )
    steps = joined(with_images(parts, node.bundled, to_bring_in(cfg), serial=cfg.node.image_pull_serial))
    return Plan(without(steps, cfg.run.skip_phases, control_plane.there, OF_JOIN))


def _credentials(join: JoinInputs) -> Part:
    files = (join.ca, *((join.kubeconfig,) if join.kubeconfig else ()))
    return Part((CREDENTIALS,), (Step(CREDENTIALS, "Kubelet", files, after=("record", KUBELET_FILES)),))


def _bootstrapped(node: NodeInputs, manifests: Mapping[str, str]) -> Part:
    """The token's kubeconfig goes once it has served, as kubeadm does it; the node's own network waits for nobody."""
    cfg, waits = node.cfg, node.cfg.run.timeouts
    # the kubelet writes its kubeconfig first, and the file that it names once the cluster has signed
    credential = FileThere("kubelet has its certificate", names.KUBELET_CLIENT_CURRENT)
    ready = NodeReady(cfg.node.name, node.facts.booted)
    steps = [
        Step(BOOTSTRAPPED, "Node", waits=(credential,), after=("kubelet-start",), timeout=waits.tls_bootstrap),
        Step(DONE, "Node", (FileGone(names.BOOTSTRAP_KUBELET_CONF),), after=(BOOTSTRAPPED,)),
    ]
    if network := flannel_files(cfg, node.facts, manifests):
        steps.append(Step(NODE_NETWORK, "Node", network, after=(BOOTSTRAPPED,), timeout=workload_timeout(cfg)))
    if node.wait != "api":
        after = (DONE, NODE_NETWORK)
        steps.append(Step("node-ready", "Node", waits=(ready,), after=after, timeout=workload_timeout(cfg)))
    return Part((BOOTSTRAPPED, DONE, NODE_NETWORK, "node-ready"), tuple(steps))
