"""What is read from the machine's own texts: /proc, ip, systemctl, nft, df, kernel files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bootstrap.host.facts import services
from bootstrap.host.facts.configured import grpc_reason, look_up, not_before
from bootstrap.host.facts.disk import filesystems, percentile
from bootstrap.host.facts.kernel import module_names, parse_config
from bootstrap.host.facts.network import addresses, attached, default_routes, routes, socket_address, unit_of
from bootstrap.host.facts.resolv_conf import servers
from bootstrap.host.live import LiveHost
from bootstrap.model import names
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, Attached, Filesystem
from bootstrap.model.runtime import HOST_RUNTIME
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.keys import CryptoKeySource

CFG = ClusterConfig(node=NodeSpec("n", api=ApiEndpoint("192.0.2.10")))


class Answering(LiveHost):
    """Real files below a directory; commands answer what the test says, others are not installed."""

    def __init__(self, root: Path, answers: dict[str, str]) -> None:
        super().__init__(str(root))
        self.answers = answers
        self.asked: list[Sequence[str]] = []

    def run(self, argv: Sequence[str], timeout: float = 60) -> str:
        self.asked.append(argv)
        if argv[0] not in self.answers:
            raise BootstrapError(f"{argv[0]} is not installed", code=Exit.EFFECT)
        return self.answers[argv[0]]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000", "0.0.0.0"),
        ("00000000000000000000000000000000", "::"),
        ("00000000000000000000000001000000", "::1"),
        ("0000000000000000FFFF00000A0200C0", "192.0.2.10"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
    ],
)
def test_addresses_of_sockets(text: str, address: str) -> None:
    assert socket_address(text) == address


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        (["0::/system.slice/haproxy.service"], "haproxy.service"),
        (["4:memory:/docker/ab12", "1:name=systemd:/system.slice/ssh.service", "0::/"], "ssh.service"),
        (["0::/user.slice/user-0.slice/user@0.service/app.slice/run-r1.scope"], "run-r1.scope"),
        (["0::/"], ""),
        ([], ""),
    ],
)
def test_the_unit_of_a_process(cgroup: list[str], unit: str) -> None:
    assert unit_of(cgroup) == unit


def test_addresses_of_the_node_with_the_default_route_first() -> None:
    def link(name: str, *local: str, mtu: int = 1500, scope: str = "global") -> dict[str, object]:
        return {"ifname": name, "mtu": mtu, "addr_info": [{"local": a, "scope": scope} for a in local]}

    links = [
        link("lo", "127.0.0.1", scope="host"),
        link("ens4", "198.51.100.4", mtu=9000),
        link("ens3", "2001:db8::1", "192.0.2.10"),
        *(link(name, "172.17.0.1") for name in ("docker0", "br-0123456789ab", "cni0", "virbr0", "veth12", "lxcbr0")),
        link("br-lan", "203.0.113.9"),
    ]

    assert addresses(links, {"ens3": 0}) == (
        Address("ens3", "192.0.2.10", True),
        Address("ens3", "2001:db8::1", True),
        Address("ens4", "198.51.100.4", False, 9000),
        Address("br-lan", "203.0.113.9", False),
    )


def test_units_that_exist(tmp_path: Path) -> None:
    def block(name: str, load: str, active: str, file: str) -> str:
        return f"Id={name}\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\n"

    shown = "\n".join(
        [
            block("k3s.service", "loaded", "active", "enabled"),
            block("firewalld.service", "not-found", "inactive", ""),
            block("kubelet.service", "masked", "inactive", "masked"),
            block("k0sworker.service", "loaded", "activating", "enabled"),
            block("rke2-agent.service", "loaded", "inactive", "disabled"),
        ]
    )

    assert services.units(Answering(tmp_path, {"systemctl": shown})) == {
        "k3s.service": "active",
        "kubelet.service": "masked",
        "k0sworker.service": "enabled",
        "rke2-agent.service": "disabled",
    }
    assert services.units(Answering(tmp_path, {})) == {}


def test_tables_and_chains_of_a_kube_proxy(tmp_path: Path) -> None:
    shown = """\
table ip nat {
\tchain KUBE-SERVICES {
\t}
\tchain POSTROUTING {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t}
}
table ip kube-proxy {
\tchain services {
\t}
}
"""

    assert services.chains(Answering(tmp_path, {"nft": shown})) == ("KUBE-SERVICES", "kube-proxy")
    assert services.chains(Answering(tmp_path, {"nft": "table ip docker {\n\tchain DOCKER {\n\t}\n}\n"})) == ()
    assert services.chains(Answering(tmp_path, {})) == ()


def test_executables_and_kubelet_of_a_host(tmp_path: Path) -> None:
    for name in ("usr/bin/mount", "usr/bin/kubelet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    host = Answering(tmp_path, {"/usr/bin/kubelet": "Kubernetes v1.36.2\n"})

    assert services.executables(host) == ("mount",)
    assert services.kubelet_version(host) == "v1.36.2"
    assert services.kubelet_version(Answering(tmp_path / "usr", {})) == ""


def test_a_path_that_is_not_there_yet_is_on_the_filesystem_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "var/lib").mkdir(parents=True)
    shown = " Avail IFree Inodes Mounted on\n5368709120 90 100 /\n1000 - - /my disk\n"
    host = Answering(tmp_path, {"df": shown})

    found = filesystems(host, ["/var/lib/etcd", "/opt/cni"])

    assert host.asked[0][-2:] == ["/var/lib", "/"]
    assert found["/var/lib/etcd"] == Filesystem("/", 5368709120, 100, 90, found["/var/lib/etcd"].options)
    assert found["/opt/cni"] == Filesystem("/my disk", 1000, 0, 0)


def test_without_df_nothing_is_known_about_filesystems(tmp_path: Path) -> None:
    assert filesystems(Answering(tmp_path, {}), ["/etc"]) == {}


@pytest.mark.parametrize(("values", "expected"), [(100, 98), (200, 197), (5, 4), (1, 0)])
def test_the_99th_percentile(values: int, expected: int) -> None:
    assert percentile([float(n) for n in reversed(range(values))], 99) == expected


def test_kernel_options_that_are_asked_for() -> None:
    text = 'CONFIG_MEMCG=y\nCONFIG_VXLAN=m\n# CONFIG_INET is not set\nCONFIG_HZ=250\nCONFIG_LOCALVERSION="-y"\n'

    assert parse_config(text) == {"MEMCG": "y", "VXLAN": "m"}


def test_names_of_modules() -> None:
    assert module_names(b"kernel/fs/overlayfs/overlay.ko.xz: kernel/a.ko\nkernel/net/nf-tables.ko\n") == {
        "overlay",
        "nf_tables",
    }
    assert module_names(None) == set()


def test_the_default_route_with_the_lowest_metric_decides() -> None:
    ways = [
        {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0", "metric": 600},
        {"dst": "default", "gateway": "198.51.100.1", "dev": "eth1", "metric": 100},
        {"dst": "default", "gateway": "203.0.113.1", "dev": "eth2", "metric": 1024},
        {"dst": "default", "gateway": "203.0.113.1", "dev": "eth2"},
        {"dst": "192.0.2.0/24", "dev": "eth3", "metric": 1},
    ]
    links = [
        {"ifname": name, "addr_info": [{"local": address, "scope": "global"}]}
        for name, address in (("eth0", "192.0.2.5"), ("eth1", "198.51.100.5"), ("eth2", "203.0.113.5"))
    ]

    assert default_routes(ways) == {"eth0": 600, "eth1": 100, "eth2": 0}
    assert [a.interface for a in addresses(links, default_routes(ways))] == ["eth2", "eth1", "eth0"]


def test_a_route_with_several_ways_is_one_of_each(tmp_path: Path) -> None:
    hops = '[{"gateway":"192.0.2.1","dev":"eth0"},{"gateway":"198.51.100.1","dev":"eth1"}]'
    found = routes(Answering(tmp_path, {"ip": f'[{{"dst":"default","nexthops":{hops}}}]'}))

    assert default_routes(found) == {"eth0": 0, "eth1": 0}


def test_networks_that_the_machine_is_in_or_has_a_route_to() -> None:
    def link(name: str, local: str, prefixlen: int, scope: str = "global") -> dict[str, object]:
        return {"ifname": name, "addr_info": [{"local": local, "prefixlen": prefixlen, "scope": scope}]}

    links = [
        link("lo", "127.0.0.1", 8, "host"),
        link("eth0", "192.0.2.10", 24),
        link("docker0", "172.17.0.1", 16),
        link("cni0", "10.244.0.1", 24),
        link("eth0", "fe80::1", 64, "link"),
    ]
    led = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "10.8.0.0/24", "dev": "wg0"},
        {"dst": "10.9.0.7", "dev": "wg0"},
        {"dst": "10.244.1.0/24", "dev": "flannel.1"},
        {"dst": "169.254.0.0/16", "dev": "eth0"},
        {"dst": "fe80::/64", "dev": "eth0"},
        {"dst": "10.10.0.0/16", "type": "blackhole"},
    ]

    assert attached(links, led) == (
        Attached("eth0", "192.0.2.0/24", "192.0.2.10"),
        Attached("docker0", "172.17.0.0/16", "172.17.0.1"),
        Attached("wg0", "10.8.0.0/24"),
        Attached("wg0", "10.9.0.7/32"),
    )


def test_name_servers() -> None:
    text = "# nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver\noptions ndots:0\nnameserver fe80::1%eth0\n"

    assert servers(text) == ("192.0.2.2", "fe80::1%eth0")


def test_when_a_ca_begins_to_be_valid() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ca = next(f.content for f in issue_pki(CFG, {}, CryptoKeySource(), now) if f.path.endswith("/pki/ca.crt"))

    assert abs(not_before(ca) - now.timestamp()) <= 600
    assert not_before(None) == not_before(b"nonsense") == 0


def test_why_a_runtime_does_not_answer_in_a_few_words() -> None:
    said = (
        'level=fatal msg="validate CRI: rpc error: code = Unavailable desc = connection error: desc = '
        '\\"dial unix /proc/1/root/run/x.sock: connect: no such file or directory\\""'
    )

    assert grpc_reason(said) == "dial unix /run/x.sock: connect: no such file or directory"
    assert grpc_reason("crictl is not installed") == "crictl is not installed"


OURS = replace(CFG, node=replace(CFG.node, cri_socket=HOST_RUNTIME.socket))


def test_what_is_looked_up_once_the_configuration_is_known(tmp_path: Path) -> None:
    manifests = tmp_path / "etc/kubernetes/manifests"
    manifests.mkdir(parents=True)
    for name in ("etcd.yaml", "kube-apiserver.yaml.bak", ".kube-scheduler.yaml.123"):
        (manifests / name).touch()
    (manifests / "keepalived.yaml").write_text(f"metadata: {{annotations: {{{names.KEEPALIVED_CONFIG}: 0f}}}}")
    (tmp_path / "var/lib/etcd").mkdir(parents=True)
    (tmp_path / "var/lib/k0s/bin").mkdir(parents=True)

    found = look_up(Answering(tmp_path, {}), "host", OURS, address_given=True, fresh=False)

    assert found.present == ("/etc/kubernetes/manifests/etcd.yaml", "/var/lib/k0s")
    assert found.strangers == ("kube-apiserver.yaml.bak",)
    assert found.name_resolves is False
    assert found.runtime is None
