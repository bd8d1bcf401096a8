"""Who uses no address of the machine does not ask for one."""

from __future__ import annotations

import pytest

from bootstrap.config import Documents, Overrides, anywhere, load, resolve
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts

ALONE = HostFacts(mode="node", hostname="n", addresses=())
V6 = b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {serviceSubnet: 'fd00::/112'}\n"


@pytest.mark.parametrize(
    ("facts", "documents"),
    [
        (ALONE, Documents()),
        (HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "2001:db8::9", True),)), Documents()),
        (HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.9", True),)), load(V6)),
    ],
    ids=["no network", "IPv6 only", "an IPv6 cluster on IPv4"],
)
def test_a_configuration_for_its_images_needs_no_address(facts: HostFacts, documents: Documents) -> None:
    with pytest.raises(BootstrapError):
        resolve(documents, Overrides(), facts)

    assert resolve(documents, Overrides(), anywhere(facts)).cluster.kubernetes_version


def test_a_machines_own_address_comes_first() -> None:
    facts = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "198.51.100.4", True),))

    assert resolve(Documents(), Overrides(), anywhere(facts)).api.advertise_address == "198.51.100.4"


def test_without_a_file_no_file_is_to_be_corrected() -> None:
    with pytest.raises(BootstrapError) as caught:
        resolve(Documents(), Overrides(), ALONE)
    assert caught.value.code == Exit.CONFIG
    assert "--config FILE" not in caught.value.fix
    assert "--apiserver-advertise-address" in caught.value.details[0]

    with pytest.raises(BootstrapError) as caught:
        resolve(load(V6), Overrides(), ALONE)
    assert "config validate --config FILE" in caught.value.fix
