"""Each check: silent on a good host, exactly its finding, with its severity and a way out, on a bad one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bootstrap.model.cluster import (
    Arg,
    BootstrapConfig,
    ClusterConfig,
    ExternalEtcd,
)
from bootstrap.model.facts import Filesystem, ListeningSocket
from bootstrap.model.images.mirrors import Endpoint, MirrorRule, Mirrors, Server
from bootstrap.preflight.checks import CHECKS
from tests.configs import changed
from tests.unit.preflight.bad_machines import (
    CONFIG,
    ETH0,
    ETH1,
    EVERYTHING,
    PROXY,
    TABLE,
    V1,
    V6,
    V6_ADDRESS,
    WARNING,
    with_args,
)
from tests.unit.preflight.machine import CFG, GOOD, named, run


@pytest.mark.parametrize(("cfg", "changes", "name", "error"), TABLE, ids=[row[2] for row in TABLE])
def test_what_is_wrong_is_found(cfg: ClusterConfig, changes: dict[str, Any], name: str, error: bool) -> None:
    result = run(cfg, **changes)

    assert named(result) == [name]
    assert result.findings[0].error is error
    assert result.findings[0].message
    assert result.findings[0].fix


def test_every_check_is_in_the_table() -> None:
    seen = {
        outcome.check for cfg, changes, _, _ in TABLE for outcome in run(cfg, **changes).outcomes if outcome.findings
    }

    assert [check.name for check in CHECKS if check not in seen] == []


def test_exactly_enough_is_enough() -> None:
    full = {
        "filesystems": {
            path: Filesystem(path, size, inodes, inodes)
            for path, size, inodes in (("/var/lib/etcd", 2 << 30, 100), ("/var/lib/containerd", 4 << 30, 20_000))
        },
        "fsync_seconds": 0.010,
        "ca_not_before": GOOD.clock.now if GOOD.clock else 0,
    }

    assert run(cpus=2, memory=1700 << 20, configured=full).findings == ()


def test_paths_on_one_filesystem_need_room_together() -> None:
    one = {path: Filesystem("/", 5 << 30, 0, 0) for path in GOOD.configured.filesystems}

    finding = run(configured={"filesystems": one}).findings[0]

    assert "5.0 GiB free on the filesystem /" in finding.message
    assert "9.0 GiB are needed" in finding.message


def test_who_holds_a_port_is_named_with_what_stops_it() -> None:
    held = ListeningSocket(6443, "::", 812, "haproxy", "haproxy.service")

    finding = run(listeners=(held, dataclasses.replace(held, address="0.0.0.0"))).findings[0]

    assert "port 6443 is taken by pid 812, haproxy, unit haproxy.service; kube-apiserver needs it" in finding.message
    assert finding.fix == "systemctl stop haproxy.service, or choose another port: --apiserver-bind-port"
    assert "not visible" in run(listeners=(ListeningSocket(6443),)).findings[0].message


def test_only_the_port_that_can_be_chosen_is_offered_to_be_chosen() -> None:
    assert "--apiserver-bind-port" not in run(listeners=(ListeningSocket(10250),)).findings[0].fix


def test_the_chosen_port_is_the_one_that_is_checked() -> None:
    cfg = changed(CFG, bind_port=7443)

    assert named(run(cfg, listeners=(ListeningSocket(6443), ListeningSocket(7443)))) == ["Port-7443"]


def test_a_port_at_another_address_is_no_clash() -> None:
    loopback = ListeningSocket(10257, "127.0.0.1")

    assert run(with_args("controller_manager", Arg("bind-address", "192.0.2.10")), listeners=(loopback,)).findings == ()
    assert run(listeners=(ListeningSocket(2380, "127.0.0.1"), ListeningSocket(10248, "192.0.2.10"))).findings == ()


def test_external_etcd_needs_no_port_no_data_no_disk() -> None:
    cfg = changed(CFG, etcd=ExternalEtcd(endpoints=("https://192.0.2.20:2379",)))

    result = run(
        cfg,
        listeners=(ListeningSocket(2379), ListeningSocket(2380)),
        configured={"present": ("/var/lib/etcd",), "fsync_seconds": 1.0, "etcd_versions": {"https://e": "3.5.24"}},
    )

    assert result.findings == ()


def test_forwarding_matters_for_the_families_in_use_only() -> None:
    assert run(V6, addresses=V6_ADDRESS, ip_forward=False).findings == ()
    assert run(ipv6_forward=False, mode="node").findings == ()


def test_which_interface_was_chosen_and_why() -> None:
    routed = run(addresses=(ETH0, ETH1)).findings[0]
    isolated = run(addresses=(dataclasses.replace(ETH0, default=False), ETH1)).findings[0]

    assert "eth0 192.0.2.10, eth1 198.51.100.4" in routed.message
    assert "192.0.2.10 of eth0 was chosen, since it has the default route" in routed.message
    assert "no interface has a default route" in isolated.message
    assert routed.fix.endswith("--apiserver-advertise-address 192.0.2.10")
    assert run(addresses=(ETH0, ETH1), configured={"address_given": True}).findings == ()


def test_two_addresses_of_one_interface_are_no_choice_of_interface() -> None:
    assert run(addresses=(ETH0, dataclasses.replace(ETH0, address="192.0.2.11"))).findings == ()


def test_without_a_default_route_a_host_gets_one_for_services() -> None:
    assert "route for the Service range 10.96.0.0/12" in run(has_default_route=False).findings[0].message
    assert "Service range" not in run(has_default_route=False, mode="node").findings[0].message


RULES = Mirrors((MirrorRule("registry.k8s.io", (Endpoint(Server("m.example")),)),))


@pytest.mark.parametrize(
    "options",
    [
        {"image_repository": "registry.k8s.io", "image_pull_policy": "Always", "image_pull_serial": False},
        {"image_repository": "registry.k8s.io", "own": BootstrapConfig(mirrors=RULES), "image_pull_serial": False},
        {"image_repository": "registry.k8s.io", "image_pull_policy": "Never"},
        {"image_pull_policy": "Never"},
        {},
    ],
)
def test_options_of_pulls_that_are_made_are_fine(options: dict[str, Any]) -> None:
    assert "ImagePullOptions" not in named(run(changed(CFG, **options)))


def test_a_proxy_is_told_with_the_exceptions_that_it_lacks_and_without_its_password() -> None:
    findings = run(proxies={**PROXY, "NO_PROXY": "example.com"}).findings

    assert [f.name for f in findings] == ["HTTPProxy", "HTTPProxyCIDR", "HTTPProxyCIDR"]
    assert {f.fix for f in findings} == {
        "NO_PROXY=example.com,192.0.2.10,10.96.0.0/12,10.244.0.0/16,.svc,.cluster.local"
    }
    assert "proxy.example:3128" in findings[0].message
    assert "secret" not in findings[0].message


@pytest.mark.parametrize(
    "exceptions", [EVERYTHING, "*", "192.0.2.10,10.0.0.0/8", " 192.0.2.10 , 10.96.0.0/12,10.244.0.0/15"]
)
def test_exceptions_that_cover_everything_are_enough(exceptions: str) -> None:
    assert run(proxies={**PROXY, "NO_PROXY": exceptions}).findings == ()
    assert run(proxies={"https_proxy": "http://p", "no_proxy": exceptions}).findings == ()


def test_a_proxy_for_plain_http_concerns_nothing_of_the_cluster() -> None:
    assert run(proxies={"HTTP_PROXY": "http://proxy.example:3128"}).findings == ()


def test_cgroup_v1_is_tolerated_with_a_warning() -> None:
    result = run(**V1)

    assert [(f.name, f.error) for f in result.findings] == [("SystemVerification", WARNING)]
    assert "cgroup v1" in result.findings[0].message


def test_what_is_missing_is_named() -> None:
    controllers = run(cgroup_controllers=("cpu", "memory", "pids", "io", "hugetlb")).findings[0]
    config = run(kernel={"config": {k: v for k, v in CONFIG.items() if k not in ("MEMCG", "INET")}}).findings[0]

    assert "cpuset" in controllers.message
    assert "CONFIG_MEMCG, CONFIG_INET" in config.message


def test_modules_are_needed_by_what_is_installed_only() -> None:
    none = dict.fromkeys(GOOD.kernel.modules, "missing")
    without = changed(CFG, own=BootstrapConfig(cni="none"), proxy_disabled=True)
    iptables = changed(CFG, kube_proxy={"mode": "iptables"})

    assert named(run(without, kernel={"modules": none})) == ["KernelModule-overlay"]
    assert named(run(iptables, kernel={"modules": {**GOOD.kernel.modules, "nf_tables": "missing"}})) == []


def test_an_old_kernel_will_do_for_iptables() -> None:
    cfg = changed(CFG, kube_proxy={"mode": "iptables"})

    assert run(cfg, kernel={"release": "5.10.0-36-amd64"}).findings == ()


def test_a_kubelet_of_a_package_that_waits_for_its_configuration_is_no_leftover() -> None:
    assert run(units={"kubelet.service": "disabled"}).findings == ()


@pytest.mark.parametrize("version", ["v1.34.0", "v1.36.2", "v1.37.5", ""])
def test_kubelets_within_the_skew_are_fine(version: str) -> None:
    assert run(kubelet_version=version).findings == ()
