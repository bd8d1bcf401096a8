"""Another configuration for a cluster that is here: shown and refused, or changed where that can be done in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from bootstrap.config import Documents, Overrides, load, read_stored, resolve, to_stored
from bootstrap.model.cluster import BootstrapConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.workflows.reconfigure import check_began_here, check_difference, with_verification, without_addons
from tests.memory import MemoryHost

FACTS = HostFacts(mode="host", hostname="n1", addresses=(Address("eth0", "192.0.2.10", default=True),))
BEFORE = to_stored(resolve(Documents(), Overrides(), FACTS)).encode()


def check(*, reconfigure: bool, facts: HostFacts = FACTS, cluster: dict[str, Any] | None = None, **flags: Any) -> None:
    document = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", **(cluster or {})}
    cfg = resolve(load(yaml.safe_dump(document).encode()), Overrides(**flags), facts)
    check_difference(MemoryHost(), "host", BEFORE, cfg, reconfigure=reconfigure)


def refused(**given: Any) -> tuple[str, ...]:
    """The differences that stop a run; none when it goes on."""
    try:
        check(**given)
    except BootstrapError as e:
        return e.details
    return ()


ARGUMENT = {"apiServer": {"extraArgs": [{"name": "v", "value": "3"}]}}
CHANGED: list[dict[str, Any]] = [
    {"cluster": ARGUMENT},
    {"apiserver_cert_extra_sans": ("example.test",)},
    {"image_repository": "registry.example.test"},
]
FIXED: list[dict[str, Any]] = [
    {"pod_network_cidr": "10.1.0.0/16"},
    {"service_cidr": "10.2.0.0/16"},
    {"service_dns_domain": "example.test"},
    {"cert_dir": "/srv/pki"},
    {"node_name": "other"},
    {"cri_socket": "unix:///run/containerd/containerd.sock"},
    {"cluster": {"clusterName": "other"}},
    {"cluster": {"caCertificateValidityPeriod": "100h"}},
    {"cni": "none"},
    {"cni": "/m/network.yaml"},
    {"cluster": {"etcd": {"local": {"dataDir": "/srv/etcd"}}}},
    {
        "cluster": {
            "etcd": {
                "external": {
                    "endpoints": ["https://192.0.2.9:2379"],
                    **dict.fromkeys(("caFile", "certFile", "keyFile"), "/a"),
                }
            }
        }
    },
]


@pytest.mark.parametrize("reconfigure", [False, True])
def test_the_same_configuration_is_no_difference(reconfigure: bool) -> None:
    assert refused(reconfigure=reconfigure) == ()


@pytest.mark.parametrize("reconfigure", [False, True])
def test_another_address_is_no_difference_a_container_gets_one_at_each_start(reconfigure: bool) -> None:
    elsewhere = replace(FACTS, addresses=(Address("eth0", "192.0.2.11", default=True),))

    assert refused(reconfigure=reconfigure, facts=elsewhere) == ()


def test_a_machine_that_has_joined_is_refused_before_anything_is_judged() -> None:
    here = read_stored(BEFORE)
    check_began_here(BEFORE)

    joined = to_stored(replace(here, node=replace(here.node, server="192.0.2.1:6443"))).encode()
    with pytest.raises(BootstrapError, match="this machine is a node of the cluster") as caught:
        check_began_here(joined)
    assert (caught.value.code, "bootstrap join goes on" in caught.value.fix) == (Exit.CONFLICT, True)


def verifies(host: MemoryHost, before: bytes | None, *, said: bool | None = None) -> bool | None:
    cfg = resolve(Documents(), Overrides(), FACTS)
    cfg = replace(cfg, own=replace(cfg.own, verify_kubelets=said))
    return with_verification(host, cfg, before).own.verify_kubelets


def test_whether_kubelets_are_verified_stays_as_it_is_unless_somebody_says() -> None:
    old = b"\n".join(line for line in BEFORE.splitlines() if b"verifyKubelets" not in line)
    new = to_stored(replace(read_stored(old), own=BootstrapConfig(verify_kubelets=True))).encode()

    assert [verifies(MemoryHost(), before) for before in (None, old, new)] == [True, False, True]
    for said in (True, False):
        assert [verifies(MemoryHost(), before, said=said) for before in (None, old, new)] == [said] * 3


def test_nobody_is_verified_where_nobody_signs() -> None:
    host = MemoryHost()
    host.mkdir("/etc/kubernetes/pki", 0o755)
    host.write("/etc/kubernetes/pki/ca.crt", b"", 0o644)
    assert (verifies(host, None), verifies(host, None, said=True)) == (False, True)

    host.write("/etc/kubernetes/pki/ca.key", b"", 0o600)
    assert verifies(host, None)


@pytest.mark.parametrize("change", [*CHANGED, *FIXED])
def test_a_difference_is_shown_and_stops(change: dict[str, Any]) -> None:
    with pytest.raises(BootstrapError) as caught:
        check(reconfigure=False, **change)

    assert caught.value.code == Exit.CONFLICT
    assert "--reconfigure" in caught.value.fix
    assert all(" → " in line for line in caught.value.details)
    assert caught.value.details


@pytest.mark.parametrize("change", CHANGED)
def test_what_can_be_changed_in_place_is(change: dict[str, Any]) -> None:
    assert refused(reconfigure=True, **change) == ()
    assert refused(reconfigure=False, **change)


@pytest.mark.parametrize("change", FIXED)
def test_what_pods_and_objects_hold_on_to_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(BootstrapError, match="cannot be changed") as caught:
        check(reconfigure=True, **change)

    assert caught.value.code == Exit.CONFLICT
    assert "bootstrap reset" in caught.value.fix


def test_only_what_cannot_be_changed_is_named() -> None:
    with pytest.raises(BootstrapError) as caught:
        check(reconfigure=True, cluster=ARGUMENT, pod_network_cidr="10.1.0.0/16")

    assert caught.value.details == ("ClusterConfiguration.networking.podSubnet: 10.244.0.0/16 → 10.1.0.0/16",)


@pytest.mark.parametrize(
    ("given", "all_of_them"),
    [
        ((), ("/m/a.yaml", "b=/m/b.yaml")),
        (("/m/c.yaml",), ("/m/a.yaml", "b=/m/b.yaml", "/m/c.yaml")),
        (("b=/m/other.yaml",), ("/m/a.yaml", "b=/m/other.yaml")),
        (("/m/a.yaml",), ("/m/a.yaml", "b=/m/b.yaml")),
    ],
)
def test_an_add_on_of_a_flag_replaces_the_stored_one_of_its_name(
    given: tuple[str, ...], all_of_them: tuple[str, ...]
) -> None:
    stored = without_addons(Documents(own=BootstrapConfig(addons=("/m/a.yaml", "b=/m/b.yaml"))), given)

    assert resolve(stored, Overrides(addon=given), FACTS).own.addons == all_of_them
