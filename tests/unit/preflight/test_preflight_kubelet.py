"""What the configuration tells the kubelet decides, by file or by flag, not what bootstrap would do."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.model.cluster import Arg, ClusterConfig, Component, LocalEtcd
from bootstrap.model.facts import ListeningSocket, Resolver, RuntimeFacts
from bootstrap.preflight.name_servers import asks_itself
from tests.configs import changed
from tests.unit.preflight.bad_machines import V1
from tests.unit.preflight.machine import CFG, named, run, spoiled


def flag(name: str, value: str) -> ClusterConfig:
    return changed(CFG, kubelet_extra_args=(Arg(name, value),))


@pytest.mark.parametrize(
    ("cfg", "error"),
    [
        (CFG, False),
        (changed(CFG, kubelet={"failCgroupV1": False}), False),
        (changed(CFG, kubelet={"failCgroupV1": True}), True),
        (flag("fail-cgroupv1", "true"), True),
        (changed(flag("fail-cgroupv1", "false"), kubelet={"failCgroupV1": True}), False),
    ],
)
def test_cgroup_v1_is_an_error_where_the_kubelet_refuses_it(cfg: ClusterConfig, error: bool) -> None:
    (finding,) = run(cfg, **V1).findings

    assert (finding.name, finding.error) == ("SystemVerification", error)
    assert ("failCgroupV1" in finding.fix) is error


@pytest.mark.parametrize("swap", ["/dev/vda2", "/dev/zram0"])
def test_swap_is_an_error_where_the_kubelet_refuses_it(swap: str) -> None:
    for cfg, error in (
        (CFG, False),
        (changed(CFG, kubelet={"failSwapOn": True}), True),
        (flag("fail-swap-on", "true"), True),
    ):
        (finding,) = run(cfg, swap=(swap,)).findings
        assert (finding.name, finding.error) == ("Swap", error)


def test_kernel_settings_matter_where_they_are_protected_only() -> None:
    wrong = {"vm.overcommit_memory": "0", "kernel.panic": "0", "vm.panic_on_oom": "0"}
    (finding,) = run(changed(CFG, kubelet={"protectKernelDefaults": True}), sysctls=wrong).findings

    assert finding.error
    assert finding.fix.startswith("sysctl -w vm.overcommit_memory=1 kernel.panic=10, or leave")
    assert run(sysctls=wrong).findings == ()


@pytest.mark.parametrize("cfg", [changed(CFG, kubelet={"cgroupDriver": "cgroupfs"}), flag("cgroup-driver", "cgroupfs")])
def test_the_cgroup_driver_is_the_one_that_the_kubelet_has(cfg: ClusterConfig) -> None:
    foreign = {"runtime": RuntimeFacts(systemd_cgroup=True)}

    assert named(run(cfg, configured=foreign)) == ["CgroupDriver", "RuntimeCgroups"]


@pytest.mark.parametrize(
    ("resolver", "says"),
    [
        (Resolver("/x", (), "does not exist"), "resolvConf of the kubelet is /x, which does not exist"),
        (Resolver("/x", ("127.0.0.1", "192.0.2.53")), "names, names 127.0.0.1, which is nobody's in a Pod"),
        (Resolver("/x", ()), "names, is empty: CoreDNS ends"),
    ],
)
def test_a_file_of_name_servers_that_the_configuration_names_has_to_do(resolver: Resolver, says: str) -> None:
    (finding,) = run(configured={"resolver": resolver}).findings

    assert finding.error
    assert says in finding.message


@pytest.mark.parametrize(
    ("resolver", "doubted"),
    [
        (None, False),
        (Resolver("/x", ("192.0.2.53",)), False),
        (Resolver("/x", ("127.0.0.1",)), True),
        (Resolver("/x", ("192.0.2.53", "::1")), True),
    ],
)
def test_coredns_is_in_doubt_with_a_server_that_is_its_own(resolver: Resolver | None, doubted: bool) -> None:
    assert asks_itself(spoiled(configured={"resolver": resolver})) == doubted


def test_a_good_file_of_the_configurations_own_makes_the_nodes_no_matter() -> None:
    own = Resolver("/x", ("192.0.2.53",))

    assert run(configured={"resolver": own}, resolver=Resolver(servers=("127.0.0.1",)), pod_servers=()).findings == ()


def extra(component: str, **flags: str) -> ClusterConfig:
    args = tuple(Arg(name.replace("_", "-"), value) for name, value in flags.items())
    return changed(
        CFG, **{component: LocalEtcd(extra_args=args) if component == "etcd" else Component(extra_args=args)}
    )


@pytest.mark.parametrize(
    ("cfg", "who"),
    [
        (flag("node-ip", "198.51.100.1"), "the kubelet (node-ip)"),
        (changed(CFG, kubelet={"address": "198.51.100.1"}), "the kubelet"),
        (extra("scheduler", bind_address="198.51.100.1"), "kube-scheduler"),
        (extra("api_server", bind_address="198.51.100.1"), "kube-apiserver"),
        (extra("etcd", listen_metrics_urls="http://198.51.100.1:2381"), "etcd's health endpoint"),
    ],
)
def test_nobody_is_told_to_listen_at_an_address_of_nobody(cfg: ClusterConfig, who: str) -> None:
    (finding,) = run(cfg).findings

    assert (finding.name, finding.error) == ("ListenAddress", True)
    assert f"{who} is told to use the address 198.51.100.1, and no interface has it" in finding.message


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "127.0.0.1", "192.0.2.10", "172.17.0.1"])
def test_all_other_addresses_will_do(address: str) -> None:
    assert run(extra("scheduler", bind_address=address)).findings == ()
    assert run(flag("node-ip", address)).findings == ()


@pytest.mark.parametrize(
    ("cfg", "taken", "clash"),
    [
        (extra("scheduler", secure_port="12259"), 12259, True),
        (extra("scheduler", secure_port="12259"), 10259, False),
        (extra("controller_manager", secure_port="12257"), 12257, True),
        (changed(CFG, kubelet={"port": 12250}), 12250, True),
        (changed(CFG, kubelet={"port": 12250}), 10250, False),
        (changed(CFG, kubelet={"healthzPort": 0}), 10248, False),
        (flag("healthz-port", "12248"), 12248, True),
        (extra("etcd", listen_metrics_urls="http://127.0.0.1:12381"), 12381, True),
        (extra("etcd", listen_metrics_urls="http://127.0.0.1:12381"), 2381, False),
        (extra("etcd", listen_peer_urls="https://192.0.2.10:12380"), 2380, False),
    ],
)
def test_the_ports_are_those_of_the_configuration(cfg: ClusterConfig, taken: int, clash: bool) -> None:
    held: dict[str, Any] = {"listeners": (ListeningSocket(taken, "0.0.0.0"),)}

    assert named(run(cfg, **held)) == ([f"Port-{taken}"] if clash else [])
