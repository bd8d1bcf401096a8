"""A plan from the steps of several builders: whose a step is, and what it may come after."""

from __future__ import annotations

import pytest
from gen_docs import default_inputs

from bootstrap.model.plan import Plan, Step
from bootstrap.phases.parts import Part, joined
from tests.plans import planned

FIRST = Part(("record", "certs/*", "kubelet-start"), (Step("record", ""), Step("certs/ca", "", after=("record",))))


def after(*names: str) -> Part:
    return Part(("last",), (Step("last", "", after=names),))


def test_a_step_may_come_after_what_is_there_and_what_this_configuration_leaves_out() -> None:
    steps = joined((FIRST, after("record", "certs/ca", "kubelet-start")))

    assert [step.id for step in steps] == ["record", "certs/ca", "last"]


@pytest.mark.parametrize(
    ("wrong", "meant"), [("recrod", "record"), ("kubelet-strat", "kubelet-start"), ("certs/ac", "certs/ca")]
)
def test_a_misspelt_step_in_after_fails_with_the_one_that_was_meant(wrong: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"last comes after {wrong} \({meant}\?\)"):
        joined((FIRST, after(wrong)))
    with pytest.raises(ValueError, match=rf"unknown steps: {wrong} \("):
        Plan((*FIRST.steps, Step("kubelet-start", ""), *after(wrong).steps))


@pytest.mark.parametrize("wrong", ["lsat", "certs", "certificates/ca"])
def test_a_builder_emits_only_what_it_owns(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"does not own step {wrong}"):
        Part(("last", "certs/*"), (Step(wrong, ""),))


@pytest.mark.parametrize("wait", ["api", "node", "dns"])
def test_every_step_of_the_real_plan_has_one_owner(wait: str) -> None:
    assert len(planned(default_inputs(), wait=wait).steps) > 30
