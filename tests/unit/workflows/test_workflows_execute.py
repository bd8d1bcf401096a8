"""What the health check of a node is told to ask once a run is over."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gen_docs import default_inputs

from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.phases.select import only
from bootstrap.workflows.execute import _asked
from tests.plans import planned


def test_what_the_run_waited_for_is_asked_from_then_on() -> None:
    inputs = default_inputs()
    asked = json.loads(_asked(inputs[0].cfg, planned(inputs)))

    assert asked["urls"] == [
        "https://localhost:6443/readyz",
        "http://127.0.0.1:10248/healthz",
        "https://127.0.0.1:10257/healthz",
        "https://127.0.0.1:10259/livez",
    ]
    assert (asked["dns"], asked["name"]) == ("10.96.0.10", "kubernetes.default.svc.cluster.local")


@pytest.mark.parametrize("wait", ["api", "node"])
def test_dns_that_nobody_waited_for_is_not_asked(wait: str) -> None:
    inputs = default_inputs()

    assert json.loads(_asked(inputs[0].cfg, planned(inputs, wait=wait)))["dns"] == ""


def test_an_address_that_another_machine_may_have_is_no_question_of_this_ones_health() -> None:
    inputs = default_inputs()
    plain = inputs[0].cfg
    cfg = replace(plain, own=replace(plain.own, control_plane_vip=VirtualAddress("192.0.2.200")))

    assert _asked(cfg, planned(inputs, cfg=cfg)) == _asked(plain, planned(inputs))


def test_a_phase_alone_makes_no_node() -> None:
    inputs = default_inputs()
    alone = only(planned(inputs), "certs", lambda path: True)

    assert alone.steps
    assert _asked(inputs[0].cfg, alone) == b""
