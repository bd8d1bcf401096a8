"""Pod and Service ranges against everything that the machine and the configuration already use."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.model.cluster import ExternalEtcd, Networking
from bootstrap.model.facts import Attached, Resolver
from bootstrap.preflight.finding import Finding
from tests.configs import changed
from tests.unit.preflight.machine import CFG, GOOD, run

NAME = "NetworkOverlap"
DUAL = Networking(service_subnet="10.96.0.0/12,fd00:96::/112", pod_subnet="10.244.0.0/16,fd00:244::/56")


def found(cfg: Any = CFG, **changes: Any) -> list[Finding]:
    return [finding for finding in run(cfg, **changes).findings if finding.name == NAME]


def on(*attached: Attached) -> dict[str, Any]:
    return {"attached": (*GOOD.attached, *attached)}


def test_the_nodes_own_network_is_named_with_interface_range_and_another_one() -> None:
    (finding,) = found(**on(Attached("eth1", "10.244.0.0/16", "10.244.0.2")))

    assert finding.error
    assert finding.message == (
        "the Pod range 10.244.0.0/16 is in use: eth1 has 10.244.0.2 of the network 10.244.0.0/16"
    )
    assert "--pod-network-cidr 10.42.0.0/16" in finding.fix


def test_services_are_compared_too() -> None:
    (finding,) = found(**on(Attached("eth1", "10.96.0.0/16", "10.96.0.2")))

    assert finding.error
    assert "the Service range 10.96.0.0/12 is in use" in finding.message
    assert "--service-cidr 10.42.0.0/16" in finding.fix


@pytest.mark.parametrize(
    ("network", "error"),
    [("10.244.128.0/17", True), ("10.244.0.0/16", True), ("10.244.9.9/32", True), ("10.0.0.0/8", False)],
)
def test_a_route_into_a_range_is_an_error_one_around_it_a_warning(network: str, error: bool) -> None:
    pods = [f for f in found(**on(Attached("wg1", network))) if "Pod range" in f.message]

    assert [f.error for f in pods] == [error]
    assert f"a route leads to the network {network} by wg1" in pods[0].message


def test_a_large_network_whose_own_address_is_elsewhere_is_a_warning() -> None:
    outside = found(**on(Attached("eth1", "10.0.0.0/8", "10.1.2.3")))
    inside = found(**on(Attached("eth1", "10.0.0.0/8", "10.244.2.3")))

    assert [f.error for f in outside] == [False, False]
    assert [f.error for f in inside if "Pod range" in f.message] == [True]


@pytest.mark.parametrize(
    ("cfg", "changes", "what"),
    [
        (CFG, {"resolver": Resolver(servers=("10.96.0.10",))}, "the name server 10.96.0.10"),
        (CFG, {"pod_servers": ("10.244.3.3",)}, "the name server 10.244.3.3"),
        (changed(CFG, control_plane_endpoint="10.244.1.1:6443"), {}, "the control plane endpoint 10.244.1.1"),
        (changed(CFG, control_plane_endpoint="10.100.1.1"), {}, "the control plane endpoint 10.100.1.1"),
        (changed(CFG, advertise_address="10.244.0.9"), {}, "the advertise address 10.244.0.9"),
        (changed(CFG, etcd=ExternalEtcd(("https://10.97.0.5:2379",))), {}, "the etcd endpoint 10.97.0.5"),
        (CFG, {"proxies": {"https_proxy": "http://u:p@10.244.7.7:3128", "no_proxy": "*"}}, "the proxy 10.244.7.7"),
    ],
)
def test_addresses_that_somebody_names_are_in_no_range(cfg: Any, changes: dict[str, Any], what: str) -> None:
    (finding,) = found(cfg, **changes)

    assert finding.error
    assert f"{what} is in it" in finding.message


@pytest.mark.parametrize("endpoint", ["api.example.test:6443", "[2001:db8::5]:6443", "192.0.2.77"])
def test_names_and_addresses_elsewhere_are_no_matter(endpoint: str) -> None:
    assert found(changed(CFG, control_plane_endpoint=endpoint)) == []


def test_each_family_is_compared_with_its_own_and_proposed_whole() -> None:
    (finding,) = found(changed(CFG, networking=DUAL), **on(Attached("eth0", "fd00:244::/64", "fd00:244::5")))

    assert "the Pod range fd00:244::/56 is in use" in finding.message
    assert "--pod-network-cidr 10.244.0.0/16,fd00:10:244::/56" in finding.fix


def test_what_is_proposed_is_free() -> None:
    taken = [Attached(f"eth{n}", f"10.{n}.0.0/16", f"10.{n}.0.1") for n in (244, 42, 43, 200)]
    (finding,) = found(**on(*taken))

    assert "--pod-network-cidr 10.112.0.0/16" in finding.fix


def test_networks_of_a_cluster_of_ours_are_rightly_there() -> None:
    assert found(fresh=False, **on(Attached("eth0", "10.96.0.0/12"))) == []
