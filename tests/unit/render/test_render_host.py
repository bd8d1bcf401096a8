"""What a host gets besides a cluster's files: units, rules, routes, kernel settings, binaries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, Networking, NodeSpec
from bootstrap.model.effects import File, Install, KernelModule, Link, Sysctl
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.runtime import HOST_RUNTIME, NODE_RUNTIME, Runtime, runtime_at
from bootstrap.render.node import host
from tests.configs import changed

CFG = ClusterConfig(node=NodeSpec("n1", api=ApiEndpoint("192.0.2.10")))
DUAL = changed(CFG, networking=Networking(pod_subnet="10.1.0.0/16,fd01::/48", service_subnet="10.2.0.0/16,fd02::/112"))
SIX = changed(
    CFG, advertise_address="fd00::10", networking=Networking(pod_subnet="fd01::/48", service_subnet="fd02::/112")
)
ROUTED = HostFacts(mode="host", hostname="n1", addresses=(Address("eth0", "192.0.2.10", default=True),))
DOCKER = replace(ROUTED, docker_user_chains=("iptables", "ip6tables"))
ALONE = replace(ROUTED, addresses=(Address("eth0", "192.0.2.10", default=False),), has_default_route=False)


PLUGINS = replace(ROUTED, cni_plugins=("bridge",))


def lines(cfg: ClusterConfig, facts: HostFacts) -> list[str]:
    unit = host.network_unit(cfg, facts)
    return unit.content.decode().splitlines() if unit else []


def commands(cfg: ClusterConfig, facts: HostFacts, key: str) -> list[str]:
    """Without the walls, which all hosts have."""
    return [c for c in all_commands(cfg, facts, key) if "blackhole" not in c]


def all_commands(cfg: ClusterConfig, facts: HostFacts, key: str) -> list[str]:
    return [line.split("'")[1] for line in lines(cfg, facts) if line.startswith(key)]


def test_what_nobody_has_translated_yet_stays_on_the_host() -> None:
    four, six = "10.1.0.0/16 to 10.2.0.0/16 blackhole", "fd01::/48 to fd02::/112 blackhole"

    assert all_commands(DUAL, ROUTED, "ExecStart") == [
        f"ip -4 rule del from {four} 2>/dev/null; ip -4 rule add from {four}",
        f"ip -6 rule del from {six} 2>/dev/null; ip -6 rule add from {six}",
    ]
    assert all_commands(DUAL, ROUTED, "ExecStop") == [f"ip -4 rule del from {four}", f"ip -6 rule del from {six}"]


def test_a_node_container_without_a_default_route_has_that_way_for_services_alone() -> None:
    alone, routed = replace(ALONE, mode="node"), replace(ROUTED, mode="node")

    assert all_commands(CFG, alone, "ExecStart") == ["ip route replace 10.96.0.0/12 dev eth0"]
    assert not [line for line in lines(CFG, alone) if "docker.service " in line or "network-online" in line]
    assert host.network_unit(CFG, routed) is None


def test_a_host_with_a_route_without_docker_and_without_kube_proxy_needs_no_unit() -> None:
    assert host.network_unit(changed(CFG, proxy_disabled=True), ROUTED) is None


def test_dockers_own_chain_lets_pods_through_both_ways_and_each_start_has_its_stop() -> None:
    rules = [f"DOCKER-USER {side} 10.244.0.0/16 -m comment --comment bootstrap -j ACCEPT" for side in ("-s", "-d")]

    assert commands(CFG, DOCKER, "ExecStart") == [
        f"iptables -w -C {rule} 2>/dev/null || iptables -w -I {rule}" for rule in rules
    ]
    assert commands(CFG, DOCKER, "ExecStop") == [f"iptables -w -D {rule}" for rule in rules]


def test_each_family_has_its_own_tool() -> None:
    found = commands(DUAL, DOCKER, "ExecStop")

    assert [line.split()[0] for line in found if "10.1.0.0/16" in line] == ["iptables"] * 2
    assert [line.split()[0] for line in found if "fd01::/48" in line] == ["ip6tables"] * 2
    assert len(found) == 4


def test_a_family_whose_chain_docker_has_not_made_gets_no_rule() -> None:
    only_four = replace(DOCKER, docker_user_chains=("iptables",))

    assert len(commands(DUAL, only_four, "ExecStop")) == 2
    assert not commands(SIX, only_four, "ExecStart")


def test_without_a_default_route_the_service_range_has_one() -> None:
    assert commands(CFG, ALONE, "ExecStart") == ["ip route replace 10.96.0.0/12 dev eth0"]
    assert commands(CFG, ALONE, "ExecStop") == ["ip route del 10.96.0.0/12 dev eth0"]
    assert len(commands(DUAL, ALONE, "ExecStart")) == 2


def test_an_address_that_no_interface_has_gets_no_route() -> None:
    assert not commands(changed(CFG, advertise_address="198.51.100.1"), ALONE, "ExecStart")


def test_routes_come_first_for_a_docker_that_is_not_there_yet_makes_its_rules_fail() -> None:
    both = replace(ALONE, docker_user_chains=("iptables",))

    assert commands(CFG, both, "ExecStart")[0].startswith("ip route")


def test_the_unit_starts_at_boot_and_with_docker_and_does_not_stop_with_it() -> None:
    found = lines(CFG, DOCKER)

    assert "WantedBy=multi-user.target docker.service" in found
    assert not [line for line in found if line.startswith(("PartOf", "BindsTo", "Requires"))]
    assert "RemainAfterExit=yes" in found


@pytest.mark.parametrize("name", ["eth0;reboot", "a'b", "$x", "a%i"])
def test_an_interface_whose_name_a_shell_reads_gets_into_no_line(name: str) -> None:
    facts = replace(ALONE, addresses=(Address(name, "192.0.2.10", default=False),))
    with pytest.raises(BootstrapError) as caught:
        host.network_unit(CFG, facts)
    assert name in caught.value.what


FOUR = {"net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"}
SIXES = {"net.ipv6.conf.all.forwarding", "net.bridge.bridge-nf-call-ip6tables"}


@pytest.mark.parametrize(("cfg", "keys"), [(CFG, FOUR), (DUAL, FOUR | SIXES), (SIX, SIXES)])
def test_each_family_has_its_own_sysctls_now_and_at_every_boot(cfg: ClusterConfig, keys: set[str]) -> None:
    effects = host.kernel(cfg)
    stored = next(e.content.decode() for e in effects if isinstance(e, File) and e.path == host.SYSCTL_FILE)

    assert {e.key for e in effects if isinstance(e, Sysctl)} == keys
    assert {e.value for e in effects if isinstance(e, Sysctl)} == {"1"}
    assert set(stored.splitlines()) == {f"{key} = 1" for key in keys}


def test_modules_are_loaded_before_their_sysctls_are_set() -> None:
    kinds = [type(e) for e in host.kernel(CFG)]

    assert max(i for i, k in enumerate(kinds) if k is KernelModule) < min(i for i, k in enumerate(kinds) if k is Sysctl)


def test_all_binaries_lie_below_opt_and_a_kubectl_of_others_stays() -> None:
    effects = host.binaries(HOST_RUNTIME, PLUGINS)
    installed = [e.path for e in effects if isinstance(e, Install)]

    assert all(path.startswith("/opt/") for path in installed)
    assert "/opt/bootstrap/cni/bin/bridge" in installed
    assert "/opt/bootstrap/bin/containerd" in installed
    assert Link(host.KUBECTL, "/opt/bootstrap/bin/kubectl", keep=True) in effects


def test_a_usr_that_cannot_be_written_is_left_alone() -> None:
    paths = [
        e.path
        for e in host.binaries(HOST_RUNTIME, replace(PLUGINS, read_only_usr=True))
        if isinstance(e, Install | Link)
    ]

    assert not [path for path in paths if path.startswith("/usr")]
    assert "/opt/bootstrap/bin/kubectl" in paths


def test_a_runtime_of_others_gets_plugins_where_it_looks_and_no_containerd() -> None:
    installed = [e.path for e in host.binaries(Runtime("unix:///x"), PLUGINS) if isinstance(e, Install)]

    assert "/opt/cni/bin/bridge" in installed
    assert not [path for path in installed if path.endswith(("containerd", "runc", "ctr"))]


def test_our_containerd_is_a_unit_that_leaves_its_containers_running() -> None:
    unit = host.runtime_unit(HOST_RUNTIME)
    found = unit.content.decode().splitlines()

    assert unit.path == "/etc/systemd/system/bootstrap-containerd.service"
    assert "ExecStart=/opt/bootstrap/bin/containerd --config /etc/bootstrap/containerd.toml" in found
    assert {"KillMode=process", "Delegate=yes", "Restart=always", "OOMScoreAdjust=-999"} <= set(found)


@pytest.mark.parametrize(
    ("socket", "mode", "expected"),
    [
        (NODE_RUNTIME.socket, "node", NODE_RUNTIME),
        ("unix:///anything", "node", NODE_RUNTIME),
        (HOST_RUNTIME.socket, "host", HOST_RUNTIME),
        ("unix:///run/containerd/containerd.sock", "host", Runtime("unix:///run/containerd/containerd.sock")),
    ],
)
def test_whose_runtime_is_behind_a_socket(socket: str, mode: str, expected: Runtime) -> None:
    assert runtime_at(socket, mode) == expected


def test_ours_shares_no_path_with_docker_or_anyone() -> None:
    paths = [
        HOST_RUNTIME.config,
        HOST_RUNTIME.root,
        HOST_RUNTIME.state,
        HOST_RUNTIME.registries,
        HOST_RUNTIME.cni_bin,
        HOST_RUNTIME.cni_conf,
        HOST_RUNTIME.address,
    ]

    assert all("/bootstrap/" in path for path in paths)
    assert HOST_RUNTIME.ours
    assert not Runtime("unix:///x").ours
    assert HOST_RUNTIME.crictl == ("/opt/bootstrap/bin/crictl", f"--runtime-endpoint={HOST_RUNTIME.socket}")
