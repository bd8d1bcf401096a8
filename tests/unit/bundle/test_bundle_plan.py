"""A bundle in the plan of `init`: what the API server needs comes before the kubelet, the rest before who uses it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gen_docs import default_inputs

from bootstrap.model.plan import Step
from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.phases.images import CRITICAL, OTHERS, Bundled, with_images
from bootstrap.phases.parts import Part
from tests.plans import planned

BUNDLED = Bundled(("pause", "apiserver"), ("scheduler", "dns"))
INPUTS = default_inputs()
CFG = INPUTS[0].cfg
SHARED = replace(CFG, own=replace(CFG.own, control_plane_vip=VirtualAddress("192.0.2.200")))
PLAN = {step.id: step for step in planned(INPUTS, bundled=BUNDLED, cfg=SHARED).steps}


def predecessors(step: str) -> set[str]:
    """Everything that is done before a step starts."""
    direct = set(PLAN[step].after)
    return direct.union(*(predecessors(name) for name in direct))


def test_the_kubelet_starts_after_the_critical_images_and_beside_the_others() -> None:
    assert CRITICAL in predecessors("kubelet-start")
    assert OTHERS not in predecessors("wait-control-plane/apiserver")


@pytest.mark.parametrize(
    "step", ["control-plane/controller-manager", "control-plane/scheduler", "control-plane/keepalived"]
)
def test_static_pods_come_after_their_images(step: str) -> None:
    assert OTHERS in predecessors(step)


@pytest.mark.parametrize("step", ["addon/kube-proxy", "addon/coredns", "addon/flannel"])
def test_add_ons_come_after_their_images(step: str) -> None:
    assert OTHERS in predecessors(step)


def test_images_are_loaded_into_a_runtime_that_runs() -> None:
    assert "runtime" in predecessors(CRITICAL)


def test_without_a_bundle_nothing_changes() -> None:
    part = Part(("kubelet-start",), (Step("kubelet-start", "Kubelet"),))

    assert [step for part in with_images((part,), None, ()) for step in part.steps] == list(part.steps)
