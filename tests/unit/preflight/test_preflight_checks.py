"""One pass over all checks: which run where, what is ignored, what is strict, what is raised."""

from __future__ import annotations

import pytest

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts, ListeningSocket
from bootstrap.preflight.checks import CHECKS, run_checks
from tests.configs import changed
from tests.unit.preflight.machine import CFG, GOOD, named, run

PORT_TAKEN = (ListeningSocket(6443, "0.0.0.0", 812, "haproxy", "haproxy.service"),)


def ignoring(*names: str) -> ClusterConfig:
    return changed(CFG, ignore_preflight_errors=names)


def test_a_good_host_passes_every_check() -> None:
    result = run()

    assert result.findings == ()
    assert result.count == len([check for check in CHECKS if not check.joining])
    result.raise_errors()


def test_facts_that_say_nothing_bad_pass_in_node_mode() -> None:
    """What tests of other parts use: the defaults are a good machine."""
    facts = HostFacts(mode="node", hostname="n", addresses=GOOD.addresses, cgroup_controllers=GOOD.cgroup_controllers)

    assert named(run_checks(CFG, facts, fresh=True)) == []


@pytest.mark.parametrize("check", [c for c in CHECKS if c.host], ids=lambda c: c.name)
def test_what_only_a_host_has_is_not_looked_at_in_a_node(check: object) -> None:
    result = run(mode="node")

    assert check not in [outcome.check for outcome in result.outcomes]


def test_ports_and_files_of_a_cluster_of_ours_are_rightly_there() -> None:
    present = ("/etc/kubernetes/manifests/etcd.yaml", "/var/lib/etcd", "/etc/kubernetes/bootstrap")

    result = run(fresh=False, listeners=PORT_TAKEN, links=("cni0",), configured={"present": present})

    assert result.findings == ()


@pytest.mark.parametrize("ignored", [("NumCPU",), ("numcpu",), ("all",), ("ALL",), ("Mem", "NumCPU")])
def test_an_ignored_error_is_a_warning(ignored: tuple[str, ...]) -> None:
    result = run(ignoring(*ignored), cpus=1)

    assert (named(result), result.errors) == (["NumCPU"], ())
    assert len(result.warnings) == 1


def test_a_name_with_a_path_is_ignored_like_kubeadm_has_it() -> None:
    present = {"present": ("/var/lib/etcd", "/etc/kubernetes/manifests/etcd.yaml")}
    names = ("diravailable--var-lib-etcd", "FileAvailable--etc-kubernetes-manifests-etcd.yaml")

    assert len(run(configured=present).errors) == 2
    assert run(ignoring(*names), configured=present).errors == ()


def test_ignoring_one_port_ignores_no_other() -> None:
    listeners = (*PORT_TAKEN, ListeningSocket(10250))

    assert [f.name for f in run(ignoring("Port-6443"), listeners=listeners).errors] == ["Port-10250"]


def test_strict_makes_errors_of_warnings_but_not_of_what_is_ignored() -> None:
    assert [f.name for f in run(strict=True, swap=("/dev/vda2",)).errors] == ["Swap"]
    assert run(ignoring("Swap"), strict=True, swap=("/dev/vda2",)).errors == ()


def test_all_errors_are_raised_at_once_with_what_would_ignore_them() -> None:
    with pytest.raises(BootstrapError) as caught:
        run(cpus=1, memory=1).raise_errors()

    error = caught.value
    assert error.code == Exit.PREFLIGHT
    assert error.what == "2 preflight checks failed"
    assert [d.split("]")[0] for d in error.details] == ["[NumCPU", "[Mem"]
    assert error.fix.endswith("--ignore-preflight-errors=NumCPU,Mem")


def test_warnings_stop_nothing() -> None:
    run(swap=("/dev/vda2",)).raise_errors()


def test_a_verdict_is_the_worst_finding() -> None:
    verdicts = {o.check.name: o.verdict for o in run(cpus=1, swap=("/dev/vda2",)).outcomes}

    assert (verdicts["NumCPU"], verdicts["Swap"], verdicts["Mem"]) == ("error", "warning", "ok")


def test_a_worker_is_asked_nothing_of_a_control_plane() -> None:
    worker = changed(CFG, api=None)
    checked = {outcome.check.name for outcome in run(worker, cpus=1, memory=1 << 29).outcomes}

    assert run(worker, cpus=1, memory=1 << 29, listeners=(ListeningSocket(6443), ListeningSocket(2379))).errors == ()
    assert {"AdvertiseAddress", "NumCPU", "Mem"} & checked == set()
    assert run(worker, listeners=(ListeningSocket(10250, process="kubelet"),)).errors


def test_a_run_that_leaves_preflight_out_makes_no_check() -> None:
    cfg = changed(CFG, skip_phases=("preflight",))

    assert run(cfg, cpus=1).outcomes == ()
