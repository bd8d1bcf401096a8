"""The advertise address, the routes, how filesystems are mounted, and proxies."""

from __future__ import annotations

import dataclasses

import pytest

from bootstrap.model.cluster import Arg, ExternalEtcd, LocalEtcd
from bootstrap.model.facts import Address, Filesystem
from bootstrap.render.proxies import completed
from tests.configs import changed
from tests.unit.preflight.machine import CFG, GOOD, named, run


def test_kubeadms_placeholder_is_named_as_one() -> None:
    (finding,) = run(changed(CFG, advertise_address="1.2.3.4")).findings

    assert (finding.name, finding.error) == ("AdvertiseAddress", True)
    assert "the placeholder that `kubeadm config print init-defaults` writes" in finding.message
    assert finding.fix.startswith("Leave localAPIEndpoint.advertiseAddress out")


def test_an_address_of_nobody_is_an_error_that_offers_those_that_there_are() -> None:
    (finding,) = run(changed(CFG, advertise_address="198.51.100.1")).findings

    assert finding.error
    assert "no interface has the address 198.51.100.1: this node has 192.0.2.10 (eth0)" in finding.message
    assert "--apiserver-advertise-address 192.0.2.10" in finding.fix


@pytest.mark.parametrize("address", ["172.17.0.1", "192.0.2.10"])
def test_any_address_of_the_machine_will_do(address: str) -> None:
    assert run(changed(CFG, advertise_address=address)).findings == ()


def test_where_etcd_listens_elsewhere_another_address_is_a_warning() -> None:
    own = LocalEtcd(
        extra_args=(
            Arg("listen-client-urls", "https://192.0.2.10:2379"),
            Arg("listen-peer-urls", "https://192.0.2.10:2380"),
        )
    )
    for etcd in (own, ExternalEtcd(("https://192.0.2.20:2379",))):
        versions = {"etcd_versions": {"https://192.0.2.20:2379": "3.6.0"}}
        (finding,) = run(changed(CFG, advertise_address="198.51.100.1", etcd=etcd), configured=versions).findings
        assert not finding.error


def test_of_several_default_routes_the_lowest_metric_is_said() -> None:
    wired, wireless = (
        Address("eth1", "192.0.2.10", True, metric=100),
        Address("wlan0", "198.51.100.4", True, metric=600),
    )
    (finding,) = run(addresses=(wired, wireless)).findings

    assert "has the lowest metric (eth1 100, wlan0 600)" in finding.message


def mounted(path: str, mount: str, *options: str) -> dict[str, dict[str, Filesystem]]:
    known = GOOD.configured.filesystems
    return {"filesystems": {**known, path: dataclasses.replace(known[path], mount=mount, options=options)}}


def test_a_mount_on_which_our_programs_cannot_run_is_named_with_the_command() -> None:
    (finding,) = run(configured=mounted("/opt/bootstrap/bin", "/opt", "noexec")).findings

    assert finding.error
    assert finding.message.startswith("/opt is mounted noexec, and the programs in /opt/bootstrap/bin")
    assert finding.fix.startswith("mount -o remount,exec /opt")


def test_where_nothing_of_ours_is_run_noexec_is_no_matter() -> None:
    assert run(configured=mounted("/var/lib/etcd", "/var", "noexec", "nodev")).findings == ()
    assert named(run(configured=mounted("/opt/bootstrap/bin", "/opt", "noexec"), mode="node")) == []


def test_what_volumes_miss_is_a_warning() -> None:
    findings = run(configured=mounted("/var/lib/kubelet", "/var", "noexec", "nodev")).findings

    assert [(f.name, f.error) for f in findings] == [("VolumeMounts", False)] * 2
    assert findings[1].fix.startswith("mount -o remount,dev /var")


PROXY = {"https_proxy": "http://proxy.example:3128"}
OWN = "192.0.2.10,10.96.0.0/12,10.244.0.0/16,.svc,.cluster.local"


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({**PROXY, "no_proxy": "localhost"}, "no_proxy", f"localhost,{OWN}"),
        (PROXY, "NO_PROXY", OWN),
        ({**PROXY, "NO_PROXY": "10.0.0.0/8,cluster.local"}, "NO_PROXY", "10.0.0.0/8,cluster.local,192.0.2.10,.svc"),
        ({**PROXY, "NO_PROXY": "*"}, "NO_PROXY", "*"),
        ({"HTTP_PROXY": "http://p"}, "NO_PROXY", OWN),
    ],
)
def test_components_get_the_exceptions_that_they_need(given: dict[str, str], name: str, value: str) -> None:
    assert completed(CFG, given) == {**given, name: value}


def test_without_a_proxy_nothing_is_added() -> None:
    assert completed(CFG, {"no_proxy": "a"}) == {"no_proxy": "a"}


def test_endpoint_and_etcd_go_through_no_proxy_either() -> None:
    cfg = changed(CFG, control_plane_endpoint="api.example.test:6443", etcd=ExternalEtcd(("https://192.0.2.20:2379",)))

    assert completed(cfg, PROXY)["NO_PROXY"] == f"{OWN},api.example.test,192.0.2.20"
    assert "api.example.test" not in completed(cfg, {**PROXY, "no_proxy": ".example.test"})["no_proxy"][14:]
