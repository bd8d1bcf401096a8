"""The plan of `init`: one DAG; step ids are kubeadm's phase names where kubeadm has the phase."""

from __future__ import annotations

from bootstrap.model.plan import Plan
from bootstrap.phases.addons import addon_steps
from bootstrap.phases.cluster import node_steps, object_steps, own_addon_steps
from bootstrap.phases.control_plane import control_plane_steps
from bootstrap.phases.images import with_images
from bootstrap.phases.inputs import ClusterInputs, ControlPlaneInputs, NodeInputs
from bootstrap.phases.machine import STATIC_PODS, file_steps, service_steps
from bootstrap.phases.parts import joined
from bootstrap.phases.select import without
from bootstrap.phases.serving import approving_steps
from bootstrap.phases.timers import timer_steps
from bootstrap.render.images.required import to_bring_in

KUBELET_NEEDS = tuple(f"kubeconfig/{name}" for name in ("kubelet", "admin", "super-admin"))


def init_plan(node: NodeInputs, control_plane: ControlPlaneInputs, cluster: ClusterInputs) -> Plan:
    """Files first, then the kubelet and the control plane, then objects as soon as the API takes them."""
    cfg = node.cfg
    files = file_steps(node, control_plane)
    parts = (
        files,
        service_steps(node, (*STATIC_PODS, *KUBELET_NEEDS)),
        control_plane_steps(node, control_plane, tuple(step.id for step in files.steps)),
        timer_steps(node),
        approving_steps(node),
        object_steps(cfg, cluster),
        own_addon_steps(node, cluster.manifests),
        addon_steps(cfg, node.facts, cluster.addons, node.wait, node.bundled is not None),
        node_steps(node, cluster.manifests, tuple(addon for addon in cluster.addons if addon.cni)),
    )
    steps = joined(with_images(parts, node.bundled, to_bring_in(cfg), serial=cfg.node.image_pull_serial))
    return Plan(without(steps, cfg.run.skip_phases, control_plane.there))
