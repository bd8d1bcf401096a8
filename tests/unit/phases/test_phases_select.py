"""One phase alone, and phases left out: kubeadm's names, and no certificate of a CA that nobody keeps."""

from __future__ import annotations

import pytest

from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan, Step
from bootstrap.phases.machine import KUBELET_FILES
from bootstrap.phases.naming import OF_INIT
from bootstrap.phases.select import only, without
from tests.golden.rendered import guest_plan

PLAN = guest_plan()
CERTIFICATES = (
    *("all", "ca", "apiserver", "apiserver-kubelet-client", "front-proxy-ca", "front-proxy-client", "etcd-ca", "sa"),
    *("etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"),
)
KUBECONFIGS = ("all", "admin", "super-admin", "kubelet", "controller-manager", "scheduler")
KUBEADM = (
    *("certs", *(f"certs/{name}" for name in CERTIFICATES)),
    *("kubeconfig", *(f"kubeconfig/{name}" for name in KUBECONFIGS)),
    *("etcd", "etcd/local"),
    *("control-plane", *(f"control-plane/{n}" for n in ("all", "apiserver", "controller-manager", "scheduler"))),
    *("kubelet-start", "wait-control-plane", "mark-control-plane", "bootstrap-token"),
    *("upload-config", "upload-config/all", "upload-config/kubeadm", "upload-config/kubelet"),
    *("kubelet-finalize", "kubelet-finalize/all", "kubelet-finalize/enable-client-cert-rotation"),
    *("addon", "addon/all", "addon/coredns", "addon/kube-proxy"),
)
"""The phases of `kubeadm init` 1.37 (cmd/kubeadm/app/cmd/phases/init), but for those without a step here."""
THERE = [effect.path for step in PLAN.steps for effect in step.effects if isinstance(effect, File)]


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def everything(path: str) -> bool:
    return True


def nothing(path: str) -> bool:
    return False


@pytest.mark.parametrize("phase", KUBEADM)
def test_each_phase_of_kubeadm_runs_alone(phase: str) -> None:
    chosen = only(PLAN, phase, everything)

    assert ids(chosen)
    assert all(step.startswith(phase.removesuffix("/all")) for step in ids(chosen))
    assert all(set(step.after) <= set(ids(chosen)) for step in chosen.steps)


@pytest.mark.parametrize("phase", [*KUBEADM, *OF_INIT.without_steps, "upload-certs"])
def test_each_phase_of_kubeadm_can_be_left_out(phase: str) -> None:
    left = ids(Plan(without(PLAN.steps, (phase,), THERE)))

    assert not [step for step in left if f"{step}/".startswith(f"{phase.removesuffix('/all')}/")]
    assert set(left) <= set(ids(PLAN))


def test_a_phase_keeps_the_order_within_it() -> None:
    start = only(PLAN, "kubelet-start", everything).steps

    assert [(step.id, step.after) for step in start] == [
        (KUBELET_FILES, ()),
        ("kubelet-start", (KUBELET_FILES,)),
    ]


@pytest.mark.parametrize("phase", OF_INIT.without_steps)
def test_a_phase_that_changes_nothing_says_so(phase: str) -> None:
    with pytest.raises(BootstrapError, match=f"phase {phase} has nothing to do") as caught:
        only(PLAN, phase, everything)
    assert caught.value.code == Exit.USAGE


def test_certificates_are_uploaded_only_when_asked_for() -> None:
    with pytest.raises(BootstrapError) as caught:
        only(PLAN, "upload-certs", everything)
    assert "--upload-certs" in caught.value.fix


def test_a_phase_that_the_configuration_leaves_out_says_so() -> None:
    plan = Plan(without(PLAN.steps, ("addon",)))

    with pytest.raises(BootstrapError, match="phase addon/coredns has nothing to do"):
        only(plan, "addon/coredns", everything)


@pytest.mark.parametrize("phase", ["cert", "certs/none", "", "/", "all"])
def test_a_name_that_is_no_phase_is_refused_with_those_there_are(phase: str) -> None:
    for refuse in (lambda: only(PLAN, phase, everything), lambda: without(PLAN.steps, (phase,))):
        with pytest.raises(BootstrapError, match="there is no phase") as caught:
            refuse()
        assert caught.value.code == Exit.USAGE
        assert "certs" in caught.value.fix


@pytest.mark.parametrize(
    ("phase", "signer"),
    [
        ("certs/apiserver", "certs ca"),
        ("certs/apiserver-kubelet-client", "certs ca"),
        ("certs/front-proxy-client", "certs front-proxy-ca"),
        ("certs/etcd-server", "certs etcd-ca"),
        ("certs/etcd-peer", "certs etcd-ca"),
        ("certs/etcd-healthcheck-client", "certs etcd-ca"),
        ("certs/apiserver-etcd-client", "certs etcd-ca"),
        ("kubeconfig/admin", "certs ca"),
        ("kubeconfig", "certs ca"),
        ("bootstrap-token", "certs ca"),
    ],
)
def test_what_a_ca_signs_waits_for_that_ca(phase: str, signer: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        only(PLAN, phase, nothing)

    assert caught.value.code == Exit.CONFLICT
    assert caught.value.fix == f"bootstrap init phase {signer}"


@pytest.mark.parametrize(
    "phase", ["certs", "certs/ca", "certs/etcd-ca", "certs/sa", "control-plane", "control-plane/apiserver", "etcd"]
)
def test_what_no_ca_signs_or_comes_with_its_ca_waits_for_none(phase: str) -> None:
    assert ids(only(PLAN, phase, nothing))


def test_who_came_after_a_phase_left_out_comes_after_its_predecessors() -> None:
    steps = (Step("a", ""), Step("b/x", "", after=("a",)), Step("c", "", after=("b/x", "gone")))

    assert without(steps, ("b",)) == (Step("a", ""), Step("c", "", after=("a",)))
    assert without(steps, ()) == (*steps[:2], Step("c", "", after=("b/x",)))


@pytest.mark.parametrize("skipped", [("certs",), ("certs/ca",), ("certs/etcd-ca",), ("certs", "kubeconfig")])
def test_a_ca_that_signs_the_rest_is_left_out_only_where_it_is(skipped: tuple[str, ...]) -> None:
    with pytest.raises(BootstrapError, match="which is left out") as caught:
        without(PLAN.steps, skipped)

    assert caught.value.code == Exit.CONFLICT
    assert without(PLAN.steps, skipped, THERE)


def test_with_everything_that_a_ca_signs_the_ca_is_left_out_too() -> None:
    assert without(PLAN.steps, ("certs", "kubeconfig", "bootstrap-token"))
