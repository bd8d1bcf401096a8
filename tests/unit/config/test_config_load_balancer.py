"""Addresses of LoadBalancer Services: ranges, which neither Pods nor Services nor this machine have."""

from __future__ import annotations

import pytest

from bootstrap.config import Overrides, load, resolve
from bootstrap.config.documents import to_bootstrap_configuration
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError


def read(addresses: str) -> ClusterConfig:
    own = f"apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\nloadBalancerAddresses: [{addresses}]\n"
    return resolve(load(own.encode()), Overrides(apiserver_advertise_address="192.0.2.10"), ANY_HOST)


@pytest.mark.parametrize("text", ["192.0.2.64/26", "192.0.2.200-192.0.2.250", "192.0.2.200-192.0.2.200", "fd00::/120"])
def test_ranges(text: str) -> None:
    own = read(f'"{text}"').own

    assert own.load_balancer_addresses == (text,)
    assert to_bootstrap_configuration(own)["loadBalancerAddresses"] == [text]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("192.0.2.200", "no range"),
        ("192.0.2.250-192.0.2.200", "no range"),
        ("192.0.2.200-fd00::1", "no range"),
        ("192.0.2.0/33", "no range"),
        ("a-b", "no range"),
        ("192.0.2.64/26,192.0.2.128/26", "no range"),
        ("10.244.3.0/24", "shares addresses with the Pod subnet 10.244.0.0/16"),
        ("10.96.0.200-10.96.0.250", "shares addresses with the Service subnet 10.96.0.0/12"),
        ("192.0.2.0/24", "has this machine's own address, 192.0.2.10"),
    ],
)
def test_what_is_none_or_is_somebody_elses_is_named(text: str, words: str) -> None:
    with pytest.raises(BootstrapError) as error:
        read(f'192.0.2.128/26, "{text}"')

    (said,) = error.value.details
    assert said.startswith("BootstrapConfiguration.loadBalancerAddresses[1]: ")
    assert words in said
