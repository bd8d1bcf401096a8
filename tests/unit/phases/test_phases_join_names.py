"""`join` takes kubeadm's names of phases: one alone, or left out."""

from __future__ import annotations

import pytest

from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan
from bootstrap.phases.naming import OF_JOIN
from bootstrap.phases.select import only, without
from tests.unit.phases.test_phases_join import TOKEN, as_control_plane, configured, control_plane, plan

PLANE = Plan(tuple(control_plane(as_control_plane()).values()))
WORKER = plan(configured(token=TOKEN))
THERE = [effect.path for step in PLANE.steps for effect in step.effects if isinstance(effect, File)]
PREPARE = tuple(f"control-plane-prepare/{name}" for name in ("download-certs", "certs", "kubeconfig", "control-plane"))
OF_A_PLANE = (
    *("control-plane-prepare", "control-plane-prepare/all", *PREPARE, "kubelet-start", "etcd-join"),
    *("control-plane-join", "control-plane-join/all", "control-plane-join/mark-control-plane", "wait-control-plane"),
)
"""The phases of `kubeadm join` 1.37 (cmd/kubeadm/app/cmd/phases/join)."""
OF_A_WORKER = ("kubelet-start", "kubelet-wait-bootstrap")


def ids(found: Plan) -> list[str]:
    return [step.id for step in found.steps]


def alone(found: Plan, phase: str, *, there: bool = True) -> list[str]:
    return ids(only(found, phase, lambda path: there, OF_JOIN))


@pytest.mark.parametrize(
    ("found", "phase"), [*((PLANE, name) for name in OF_A_PLANE), *((WORKER, name) for name in OF_A_WORKER)]
)
def test_each_phase_of_kubeadm_runs_alone_or_is_left_out(found: Plan, phase: str) -> None:
    chosen = alone(found, phase)
    left = ids(Plan(without(found.steps, (phase,), THERE, OF_JOIN)))

    assert chosen and not set(chosen) & set(left)
    assert {*chosen, *left} == set(ids(found))


def test_what_is_shared_is_downloaded_and_what_is_its_own_is_made() -> None:
    shared, own = alone(PLANE, PREPARE[0]), alone(PLANE, PREPARE[1])

    assert set(shared) == {"certs/ca", "certs/front-proxy-ca", "certs/etcd-ca", "certs/sa", "certs/encryption"}
    assert {*shared, *own} == {step for step in ids(PLANE) if step.startswith("certs/")}
    assert [alone(PLANE, name) for name in PREPARE].count([]) == 0
    assert alone(PLANE, "control-plane-prepare") == [
        step for step in ids(PLANE) if step.startswith(("certs/", "kubeconfig/", "control-plane/"))
    ]


def test_a_phase_alone_names_the_one_that_it_needs() -> None:
    with pytest.raises(BootstrapError) as caught:
        alone(PLANE, "control-plane-prepare/certs", there=False)
    assert caught.value.fix == "bootstrap join phase control-plane-prepare download-certs"


@pytest.mark.parametrize(
    "phase", ["bootstrap-token", "upload-config", "control-plane-prepare/none", "control-plane-joi", ""]
)
def test_a_name_of_init_or_of_nobody_is_refused_with_those_there_are(phase: str) -> None:
    for refuse in (lambda: alone(PLANE, phase), lambda: without(PLANE.steps, (phase,), THERE, OF_JOIN)):
        with pytest.raises(BootstrapError, match="there is no phase") as caught:
            refuse()
        assert caught.value.code == Exit.USAGE
        assert "control-plane-prepare" in caught.value.fix


@pytest.mark.parametrize("phase", ["preflight", "check-etcd", "control-plane-join/mark-control-plane"])
def test_what_has_nothing_to_do_on_a_worker_says_so_and_may_be_left_out(phase: str) -> None:
    with pytest.raises(BootstrapError, match="has nothing to do"):
        alone(WORKER, phase)
    assert without(WORKER.steps, (phase,), naming=OF_JOIN) == without(WORKER.steps, (), naming=OF_JOIN)
