"""The plan of `certs renew`: files first, then who reads them, one after the other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model import names
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import File, StaticPodRestarted
from bootstrap.model.plan import Plan
from bootstrap.phases.renew import AT_THEIR_START, renew_plan
from bootstrap.render.controlplane.static_pods import pods
from bootstrap.render.pki.inventory import KUBELET
from bootstrap.render.pki.renewal import Renewed

CFG = resolve(Documents(), Overrides(), ANY_HOST)
PODS = pods(CFG, ANY_HOST, {})
PKI = names.PKI_DIR
PATHS = {
    "apiserver": f"{PKI}/apiserver.crt",
    "apiserver-etcd-client": f"{PKI}/apiserver-etcd-client.crt",
    "controller-manager.conf": names.CONTROLLER_MANAGER_CONF,
    "etcd-peer": f"{PKI}/etcd/peer.crt",
    "etcd-server": f"{PKI}/etcd/server.crt",
    "scheduler.conf": names.SCHEDULER_CONF,
    "admin.conf": names.ADMIN_CONF,
    KUBELET: names.KUBELET_CONF,
}


def plan(*wanted: str, kubelet_runs: bool = True) -> Plan:
    renewed = [Renewed(name, (File(PATHS[name], b"new"),), datetime(2030, 1, 1, tzinfo=UTC)) for name in wanted]
    return renew_plan(renewed, PODS, "unix:///s", "http://127.0.0.1:10248/healthz", kubelet_runs=kubelet_runs)


@pytest.mark.parametrize(
    ("wanted", "restarted"),
    [
        ("admin.conf", []),
        ("apiserver", ["kube-apiserver"]),
        ("apiserver-etcd-client", ["kube-apiserver"]),
        ("etcd-peer", ["etcd"]),
        ("scheduler.conf", ["kube-scheduler"]),
        (KUBELET, ["kubelet"]),
    ],
)
def test_who_reads_what_was_renewed_is_restarted(wanted: str, restarted: list[str]) -> None:
    ids = [step.id for step in plan(wanted).steps]

    assert ids == [f"renew/{wanted}", *(f"restart/{name}" for name in restarted)]


def test_one_after_the_other_each_until_it_is_well() -> None:
    steps = {step.id: step for step in plan(*PATHS).steps}
    files = tuple(f"renew/{name}" for name in PATHS)
    order = ("etcd", *names.CONTROL_PLANE, "kubelet")
    before = [steps[f"restart/{name}"].after for name in order]

    assert before == [files, *((f"restart/{name}",) for name in order[:-1])]
    assert [steps[f"restart/{name}"].waits for name in order] == [
        (HttpOk("etcd healthy", "http://127.0.0.1:2381/readyz"),),
        (HttpOk("kube-apiserver healthy", "https://192.0.2.1:6443/readyz"),),
        (HttpOk("kube-controller-manager healthy", "https://127.0.0.1:10257/healthz"),),
        (HttpOk("kube-scheduler healthy", "https://127.0.0.1:10259/readyz"),),
        (HttpOk("kubelet healthy", "http://127.0.0.1:10248/healthz"),),
    ]
    assert steps["restart/etcd"].effects == (
        StaticPodRestarted("etcd", (f"{PKI}/etcd/peer.crt", f"{PKI}/etcd/server.crt"), "unix:///s"),
    )


def test_without_a_kubelet_nothing_is_ended_that_nobody_would_start() -> None:
    found = plan("apiserver", kubelet_runs=False)

    assert [step.id for step in found.steps] == ["renew/apiserver"]
    assert found.remarks == (AT_THEIR_START,)
    ended = [step.id for step in plan(KUBELET, "apiserver", kubelet_runs=False).steps]
    assert ended[2:] == ["restart/kubelet", "restart/kube-apiserver"], "it starts the others"
