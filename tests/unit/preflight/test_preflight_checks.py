"""Each preflight check: silent on a good machine, one finding with a way out on a bad one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bootstrap.model.cluster import ClusterConfig, ExternalEtcd, Networking, NodeRegistration
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.preflight import checks
from bootstrap.preflight.checks import Preflight, run_checks

CFG = ClusterConfig(node=NodeRegistration(name="n"), advertise_address="192.0.2.10")
GOOD = HostFacts(
    mode="node",
    hostname="n",
    addresses=(Address("eth0", "192.0.2.10", True),),
    cgroup_controllers=checks.V2_CONTROLLERS,
    disk_free={"/var/lib": 100 << 30},
)
V6 = dataclasses.replace(
    CFG, advertise_address="2001:db8::1", networking=Networking(service_subnet="fd00::/112", pod_subnet="fd01::/48")
)


def names(preflight: Preflight) -> list[str]:
    return [finding.name for finding in preflight.findings]


def run(cfg: ClusterConfig = CFG, *, fresh: bool = True, **facts: Any) -> Preflight:
    return run_checks(cfg, dataclasses.replace(GOOD, **facts), fresh=fresh)


def test_a_good_machine_passes_every_check() -> None:
    result = run()

    assert result.findings == ()
    assert result.count == len(checks.CHECKS) + len(checks.FRESH_CHECKS)
    result.raise_errors()


@pytest.mark.parametrize(
    ("facts", "name", "error"),
    [
        ({"root_user": False}, "IsPrivilegedUser", True),
        ({"cpus": 1}, "NumCPU", True),
        ({"memory": (1700 << 20) - 1}, "Mem", True),
        ({"cgroup_controllers": ("cpu", "memory", "pids")}, "SystemVerification", True),
        ({"cgroup_version": 1, "cgroup_controllers": checks.V1_CONTROLLERS}, "SystemVerification", False),
        ({"swap": ("/dev/vda2",)}, "Swap", False),
        ({"ip_forward": False}, "FileContent--proc-sys-net-ipv4-ip_forward", True),
        ({"disk_free": {"/var/lib": 1 << 30}}, "Disk", False),
        ({"addresses": ()}, "AdvertiseAddress", False),
        ({"ports_in_use": {6443: "pid 812, haproxy"}}, "Port-6443", True),
        ({"ports_in_use": {10250: ""}}, "Port-10250", True),
        ({"ports_in_use": {2379: ""}}, "Port-2379", True),
        ({"etcd_data_present": True}, "DirAvailable--var-lib-etcd", True),
    ],
)
def test_what_is_wrong_is_found(facts: dict[str, Any], name: str, error: bool) -> None:
    result = run(**facts)

    assert names(result) == [name]
    assert result.findings[0].error is error
    assert result.findings[0].fix


def test_exactly_enough_is_enough() -> None:
    assert run(cpus=2, memory=1700 << 20, disk_free={"/var/lib": 2 << 30}).findings == ()


def test_a_missing_controller_is_named() -> None:
    assert "cpuset" in run(cgroup_controllers=("cpu", "memory", "pids")).findings[0].message


def test_who_holds_a_port_is_named() -> None:
    assert "pid 812, haproxy" in run(ports_in_use={6443: "pid 812, haproxy"}).findings[0].message
    assert "not visible" in run(ports_in_use={6443: ""}).findings[0].message


def test_only_the_port_that_can_be_chosen_is_offered_to_be_chosen() -> None:
    assert "--apiserver-bind-port" in run(ports_in_use={6443: ""}).findings[0].fix
    assert "--apiserver-bind-port" not in run(ports_in_use={10250: ""}).findings[0].fix


def test_the_chosen_port_is_the_one_that_is_checked() -> None:
    cfg = dataclasses.replace(CFG, bind_port=7443)

    assert names(run(cfg, ports_in_use={6443: "", 7443: ""})) == ["Port-7443"]


def test_external_etcd_needs_no_port_and_no_data() -> None:
    cfg = dataclasses.replace(CFG, etcd=ExternalEtcd(endpoints=("https://192.0.2.20:2379",)))

    assert run(cfg, ports_in_use={2379: "", 2380: ""}, etcd_data_present=True).findings == ()


def test_ports_and_data_of_a_cluster_of_ours_are_rightly_there() -> None:
    assert run(fresh=False, ports_in_use={6443: ""}, etcd_data_present=True).findings == ()


def test_forwarding_matters_for_the_families_in_use_only() -> None:
    address = (Address("eth0", "2001:db8::1", True),)

    assert run(V6, addresses=address, ip_forward=False).findings == ()
    assert names(run(V6, addresses=address, ipv6_forward=False)) == [
        "FileContent--proc-sys-net-ipv6-conf-default-forwarding"
    ]
    assert run(ipv6_forward=False).findings == ()


@pytest.mark.parametrize("ignored", [("NumCPU",), ("numcpu",), ("all",), ("Mem", "NumCPU")])
def test_an_ignored_error_is_a_warning(ignored: tuple[str, ...]) -> None:
    cfg = dataclasses.replace(CFG, node=NodeRegistration(name="n", ignore_preflight_errors=ignored))

    result = run(cfg, cpus=1)

    assert (names(result), result.errors) == (["NumCPU"], ())
    assert len(result.warnings) == 1


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
