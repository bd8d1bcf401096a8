"""Nodes keep their addresses, which Docker gives to nobody else, and which no Pod or Service has."""

from __future__ import annotations

import pytest

from bootstrap.clusters.addresses import PORTS, NetworkRange, collision, node_addresses, own_range, random_port
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
