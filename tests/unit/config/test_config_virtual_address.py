"""The address that the control planes hold in turn: by flag and file, beside the endpoint, stored for all."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from bootstrap.config import Documents, Overrides, difference, load, read_stored, resolve, to_stored
from bootstrap.config.join import joining
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.host.port import ApiResponse
from bootstrap.joining.cluster import shared_settings, with_settings_of
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, NodeSpec
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.render.cluster.objects import own_config
from bootstrap.render.images import required
from bootstrap.render.node.kubelet import kubelet_flags
from bootstrap.render.pki.issue import apiserver_sans

HERE = HostFacts(mode="host", hostname="n1", addresses=(Address("eth0", "192.0.2.10", True),))
V6 = HostFacts(mode="node", hostname="n1", addresses=(Address("eth0", "2001:db8::a", True),))
WHOLE = {
    "address": "192.0.2.9",
    "interface": "eth0",
    "virtualRouterID": 7,
    "unicastPeers": ["192.0.2.10", "192.0.2.11"],
    "passwordFile": "/etc/vrrp-password",
    "priorities": {"n1": 120},
}


def made(vip: dict[str, Any] | None = None, facts: HostFacts = HERE, **flags: Any) -> ClusterConfig:
    own = {"apiVersion": "bootstrap/v1alpha1", "kind": "BootstrapConfiguration", "controlPlaneVIP": vip}
    return resolve(load(yaml.safe_dump(own).encode()) if vip else Documents(), Overrides(**flags), facts)


def refused(vip: dict[str, Any] | None = None, facts: HostFacts = HERE, **flags: Any) -> str:
    with pytest.raises(BootstrapError) as found:
        made(vip, facts, **flags)
    return "\n".join(found.value.details)


def test_the_flag_says_where_and_the_file_how() -> None:
    cfg = made(WHOLE, control_plane_vip="192.0.2.200/eth1")

    assert cfg.own.control_plane_vip == VirtualAddress(
        "192.0.2.200", "eth1", 7, ("192.0.2.10", "192.0.2.11"), "/etc/vrrp-password", {"n1": 120}
    )


def test_it_is_the_endpoint_where_there_is_none_and_in_the_certificate_anyway() -> None:
    alone = made(control_plane_vip="192.0.2.200", apiserver_bind_port=7443)
    named = made(control_plane_vip="192.0.2.200", control_plane_endpoint="api.example.test")

    assert (alone.endpoint, named.endpoint) == ("192.0.2.200:7443", "api.example.test:6443")
    assert "192.0.2.200" in apiserver_sans(alone)
    assert {"192.0.2.200", "api.example.test"} <= set(apiserver_sans(named))
    v6 = made({"address": "2001:db8:0::9"}, V6, service_cidr="fd00::/112")
    assert v6.endpoint == "[2001:db8::9]:6443"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"control_plane_vip": "api.example.test"}, 'control-plane-vip: "api.example.test" is not an IP address'),
        ({"control_plane_vip": "192.0.2.200/24"}, "control-plane-vip: .* has a prefix"),
        ({"control_plane_vip": "192.0.2.200/a b"}, "not the name of a network interface"),
        ({"control_plane_vip": "192.0.2.10"}, "this machine's own address"),
        ({"control_plane_vip": "127.0.0.9"}, "not an address that other nodes could reach"),
        ({"control_plane_vip": "10.244.3.9"}, "in the Pod range 10.244.0.0/16"),
        ({"control_plane_vip": "10.96.0.9"}, "in the Service range 10.96.0.0/12"),
        ({"control_plane_vip": "2001:db8::9"}, "is IPv6"),
        ({"control_plane_vip": "192.0.2.200", "control_plane_endpoint": "192.0.2.201"}, "control-plane-endpoint: "),
        ({"control_plane_vip": "192.0.2.200", "control_plane_endpoint": "api.example:443"}, "port 443"),
    ],
)
def test_what_cannot_be_or_contradicts_is_refused_by_its_flag(flags: dict[str, Any], words: str) -> None:
    assert re.search(words, refused(**flags))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("virtualRouterID", 256),
        ("virtualRouterID", -1),
        ("unicastPeers", ["api.example"]),
        ("unicastPeers", ["2001:db8::1"]),
        ("unicastPeers", ["192.0.2.9"]),
        ("unicastPeers", ["192.0.2.10", "192.0.2.10"]),
        ("passwordFile", "password"),
        ("priorities", {"n1": 255}),
        ("priorities", {"n1": 0}),
        ("priorities", {"N 1": 7}),
        ("interface", "x" * 16),
        ("address", ""),
        ("adress", "192.0.2.9"),
    ],
)
def test_each_field_is_judged_by_its_name(field: str, value: Any) -> None:
    assert f"controlPlaneVIP.{field}" in refused({**WHOLE, field: value})


def test_an_api_server_that_listens_elsewhere_only_does_not_have_it() -> None:
    text = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: {extraArgs: [{name: bind-address, value: 192.0.2.10}]}
"""
    with pytest.raises(BootstrapError) as found:
        resolve(load(text.encode()), Overrides(control_plane_vip="192.0.2.200"), HERE)
    assert "leads nowhere" in found.value.details[0]


def test_vrrp_has_no_password_for_ipv6() -> None:
    vip = {"address": "2001:db8::9", "passwordFile": "/p"}
    assert "controlPlaneVIP.passwordFile" in refused(vip, V6, service_cidr="fd00::/112")


def test_the_next_run_finds_it_stored_and_so_does_who_joins() -> None:
    cfg = made(WHOLE)
    (config_map, *_) = own_config(cfg.own)

    class Api:
        def get(self, path: str) -> ApiResponse:
            return ApiResponse(200, {"data": config_map["data"]}, "")

    joined = with_settings_of(Api(), BootstrapConfig())
    assert difference(cfg, read_stored(to_stored(cfg).encode())) == []
    assert joined.control_plane_vip == cfg.own.control_plane_vip
    assert shared_settings(joined)["control_plane_vip"]
    assert "controlPlaneVIP" not in parse_one(
        own_config(BootstrapConfig())[0]["data"]["BootstrapConfiguration"].encode()
    )


def test_who_holds_it_is_known_by_the_address_of_its_own() -> None:
    """The kernel lists a new address of IPv6 first."""
    holding = HostFacts(mode="node", hostname="n1", addresses=(Address("eth0", "2001:db8::9", True), *V6.addresses))
    cfg = made({"address": "2001:db8::9"}, holding, service_cidr="fd00::/112")
    documents = load(b"{apiVersion: kubeadm.k8s.io/v1beta4, kind: JoinConfiguration, controlPlane: {}}")
    joined = joining(documents, cfg.cluster, cfg.own, cfg.endpoint, holding)

    assert cfg.api.advertise_address == joined.api.advertise_address == "2001:db8::a"
    assert b"--node-ip=2001:db8::a" in kubelet_flags(cfg, holding.without_address("2001:db8::9"))


def test_its_image_is_needed_by_control_planes_alone() -> None:
    cfg = made(control_plane_vip="192.0.2.200", image_repository="registry.k8s.io", kubernetes_version="v1.37.0")
    worker = ClusterConfig(NodeSpec("w"), cfg.cluster, cfg.own)

    assert required.needed(cfg)[-1] == required.keepalived() == "localhost/bootstrap/keepalived:v2.3.3"
    assert required.keepalived() not in required.needed(worker)
    assert required.keepalived() not in required.needed(made())


@pytest.mark.parametrize(("address", "router_id"), [("192.0.2.200", 200), ("192.0.2.0", 255), ("2001:db8::1:7", 7)])
def test_the_virtual_router_id_follows_from_the_address(address: str, router_id: int) -> None:
    assert VirtualAddress(address).router_id == router_id
    assert VirtualAddress(address, virtual_router_id=9).router_id == 9
