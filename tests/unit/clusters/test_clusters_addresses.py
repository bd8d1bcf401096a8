"""Nodes keep their addresses, which Docker gives to nobody else, and which no Pod or Service has."""

from __future__ import annotations

from ipaddress import IPv6Network

import pytest

from bootstrap.clusters.addresses import (
    PORTS,
    NetworkRange,
    as_large,
    collision,
    node_addresses,
    own_range,
    random_port,
    random_range6,
    services_range,
)
from bootstrap.model.errors import BootstrapError, Exit

OWN = own_range("172.20.0.0/16")


def test_docker_gives_others_from_the_upper_half() -> None:
    assert NetworkRange("172.20.0.0/16", "172.20.0.1", "172.20.128.0/17") == OWN


def test_nodes_have_the_first_addresses_after_the_gateway() -> None:
    assert node_addresses(OWN, (), 3) == ("172.20.0.2", "172.20.0.3", "172.20.0.4")


def test_what_is_used_is_left_out() -> None:
    assert node_addresses(OWN, ("172.20.0.2", "172.20.0.4"), 2) == ("172.20.0.3", "172.20.0.5")


def test_in_a_network_of_others_nodes_have_the_last_ones() -> None:
    given = NetworkRange("10.9.0.0/29", "10.9.0.6")

    assert node_addresses(given, ("10.9.0.5",), 2) == ("10.9.0.4", "10.9.0.3")


def test_the_other_family_has_the_same_places() -> None:
    both = own_range("172.20.0.0/16", "fd00:20::/64")

    assert both.address6("172.20.1.2") == "fd00:20::102"
    assert both.range6(services_range(both)) == "fd00:20::7f00/120"
    assert node_addresses(both, ("fd00:20::2", "172.20.0.3"), 1) == ("172.20.0.4",)
    assert OWN.address6("172.20.1.2") == ""


@pytest.mark.parametrize(
    ("subnet6", "large"),
    [("fd00:20::/64", True), ("fd00:20::/112", True), ("fd00:20::/113", False), ("10.9.0.0/8", False)],
)
def test_a_smaller_range_has_no_places_for_all(subnet6: str, large: bool) -> None:
    assert as_large(subnet6, "172.20.0.0/16") is large


def test_ranges_of_ipv6_are_unique_local_ones() -> None:
    one, other = IPv6Network(random_range6()), IPv6Network(random_range6())

    assert one != other
    assert one.prefixlen == 64
    assert one.subnet_of(IPv6Network("fd00::/8"))


@pytest.mark.parametrize(
    ("network", "services"),
    [
        (OWN, "172.20.127.0/24"),
        (own_range("192.168.16.0/20"), "192.168.23.0/24"),
        (own_range("10.9.0.0/24"), "10.9.0.64/26"),
        (own_range("10.9.0.0/26"), "10.9.0.16/28"),
        (own_range("10.9.0.0/27"), ""),
        (NetworkRange("10.9.0.0/16", "10.9.0.1"), ""),
        (NetworkRange("10.9.0.0/16", "10.9.0.1", "10.9.0.0/17"), ""),
    ],
)
def test_services_have_what_docker_gives_to_nobody(network: NetworkRange, services: str) -> None:
    assert services_range(network) == services


def test_nodes_leave_services_their_addresses() -> None:
    small = own_range("10.9.0.0/26")

    assert node_addresses(small, (), 14)[-1] == "10.9.0.15"
    with pytest.raises(BootstrapError, match="has 14 free addresses, 15 are needed"):
        node_addresses(small, (), 15)


@pytest.mark.parametrize(
    ("network", "used"),
    [
        (NetworkRange("10.9.0.0/30", "10.9.0.1"), ()),
        (NetworkRange("10.9.0.0/29", "10.9.0.1"), ("10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5")),
        (NetworkRange("10.9.0.0/28", "10.9.0.1", "10.9.0.0/28"), ()),
    ],
)
def test_too_few_is_one_error(network: NetworkRange, used: tuple[str, ...]) -> None:
    with pytest.raises(BootstrapError, match="free addresses, 2 are needed") as error:
        node_addresses(network, used, 2)

    assert error.value.code == Exit.PREFLIGHT


@pytest.mark.parametrize(
    ("subnet", "ranges", "hit"),
    [
        ("172.20.0.0/16", ("10.244.0.0/16", "10.96.0.0/12"), ""),
        ("172.20.0.0/16", ("172.20.128.0/20",), "172.20.128.0/20"),
        ("10.100.0.0/24", ("10.244.0.0/16", "10.96.0.0/12"), "10.96.0.0/12"),
        ("172.20.0.0/16", ("fd00:10:244::/56", "172.16.0.0/12"), "172.16.0.0/12"),
    ],
)
def test_a_range_of_pods_or_services_is_no_network_of_nodes(subnet: str, ranges: tuple[str, ...], hit: str) -> None:
    assert collision(subnet, ranges) == hit


def test_the_ports_of_the_api_are_none_that_linux_gives_to_clients() -> None:
    assert PORTS.start > 1024 and PORTS.stop <= 32768
    assert random_port() in PORTS
