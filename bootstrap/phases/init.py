"""The plan of `init`: one DAG; step ids are kubeadm's phase names where kubeadm has the phase."""

from __future__ import annotations

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import ImagePresent
from bootstrap.model.plan import Plan
from bootstrap.phases.addons import addon_steps
from bootstrap.phases.cluster import node_steps, object_steps, own_addon_steps
from bootstrap.phases.control_plane import control_plane_steps
from bootstrap.phases.images import with_images
from bootstrap.phases.inputs import Inputs
from bootstrap.phases.machine import file_steps, service_steps
from bootstrap.phases.select import without
from bootstrap.render.images.required import to_bring_in


def init_plan(inputs: Inputs) -> Plan:
    """Files first, then the kubelet and the control plane, then objects as soon as the API takes them."""
    files = file_steps(inputs)
    steps = [
        *files,
        *service_steps(inputs),
        *control_plane_steps(inputs, tuple(step.id for step in files)),
        *object_steps(inputs),
        *own_addon_steps(inputs),
        *addon_steps(inputs.cfg, inputs.facts, inputs.extra, inputs.wait, inputs.bundled is not None),
        *node_steps(inputs),
    ]
    steps = with_images(steps, inputs.bundled, _wanted(inputs.cfg))
    return Plan(without(tuple(steps), inputs.cfg.run.skip_phases))


def _wanted(cfg: ClusterConfig) -> tuple[ImagePresent, ...]:
    """Without mirrors the kubelet pulls by itself; not all that mirrors may say is known to the runtime."""
    return to_bring_in(cfg) if cfg.own.mirrors.rules else ()
