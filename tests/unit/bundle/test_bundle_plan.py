"""A bundle in the plan of `init`: what the API server needs comes before the kubelet, the rest before who uses it."""

from __future__ import annotations

import pytest
from gen_docs import default_inputs

from bootstrap.model.plan import Step
from bootstrap.phases.images import CRITICAL, OTHERS, Bundled, with_images
from bootstrap.phases.parts import Part
from tests.plans import planned

BUNDLED = Bundled(("pause", "apiserver"), ("scheduler", "dns"))
PLAN = {step.id: step for step in planned(default_inputs(), bundled=BUNDLED).steps}


def predecessors(step: str) -> set[str]:
    """Everything that is done before a step starts."""
    direct = set(PLAN[step].after)
    return direct.union(*(predecessors(name) for name in direct))


def test_the_kubelet_starts_after_the_critical_images_and_beside_the_others() -> None:
    assert CRITICAL in predecessors("kubelet-start")
    assert OTHERS not in predecessors("wait-control-plane/apiserver")


@pytest.mark.parametrize("step", ["control-plane/controller-manager", "control-plane/scheduler"])
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
