"""What each container of a cluster is told, before there is one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.clusters.addresses import node_addresses, own_range
from bootstrap.clusters.containers import (
    GIVEN,
    Secrets,
    addresses_needed,
    containers,
    first_documents,
    laid_out,
)
from bootstrap.clusters.documents import effective
from bootstrap.formats import yaml_reader
from bootstrap.model.cluster_shape import (
    CONTROL_PLANE,
    WORKER,
    ClusterShape,
    JsonPatch,
    MergePatch,
    NodeShape,
    ShapeNetworking,
)
from bootstrap.model.containers import LOAD_BALANCER, Container
from bootstrap.model.errors import BootstrapError, Exit

TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - of no cluster
PIN = "sha256:" + "0" * 64
SHARED = {"/etc/kubernetes/pki/ca.crt": b"ca", "/etc/kubernetes/pki/ca.key": b"key"}
SECRETS = Secrets(TOKEN, SHARED, (PIN,), b"ca")


def shape(control_planes: int = 1, workers: int = 0, **more: Any) -> ClusterShape:
    nodes = [NodeShape()] * control_planes + [NodeShape(WORKER)] * workers
    return ClusterShape("dev", tuple(nodes), **more)


def planned(of: ClusterShape) -> tuple[Container, ...]:
    layout = laid_out(of, node_addresses(own_range("172.20.0.0/16"), (), addresses_needed(of)))
    return containers(of, layout, SECRETS, 21000, "dns")


def documents(container: Container) -> dict[str, Any]:
    return {doc["kind"]: doc for doc in yaml_reader.parse(container.files[GIVEN])}


def config(of: ClusterShape) -> Any:
    layout = laid_out(of, node_addresses(own_range("172.20.0.0/16"), (), addresses_needed(of)))
    return effective(first_documents(of, layout, TOKEN))


def test_one_node() -> None:
    (node,) = planned(shape())

    assert (node.name, node.role, node.address) == ("dev-control-plane", CONTROL_PLANE, "172.20.0.2")
    assert node.command == ("init", "--config", GIVEN, "--wait", "dns", "--exit-on-failure")
    assert [(port.container_port, port.host_port, port.address) for port in node.ports] == [(6443, 21000, "127.0.0.1")]
    cfg = config(shape())
    assert (cfg.node.name, cfg.node.api.advertise_address) == ("dev-control-plane", "172.20.0.2")
    assert cfg.own.workloads_on_control_plane is True
    assert not cfg.cluster.control_plane_endpoint


@pytest.mark.parametrize(("mode", "strict"), [("ipvs", True), ("nftables", None)])
def test_services_get_addresses_of_the_network(mode: str, strict: bool | None) -> None:
    of = shape(networking=ShapeNetworking(proxy_mode=mode))
    layout = replace(laid_out(of, ("172.20.0.2",)), services=("172.20.127.0/24",))
    cfg = effective(first_documents(of, layout, TOKEN))

    assert cfg.own.load_balancer_addresses == ("172.20.127.0/24",)
    assert cfg.cluster.kube_proxy.get("ipvs", {}).get("strictARP") is strict
    assert config(of).own.load_balancer_addresses == ()


def test_workers_join_by_what_was_made_before() -> None:
    first, worker, other = planned(shape(workers=2))
    join = documents(worker)["JoinConfiguration"]

    assert [worker.name, other.name] == ["dev-worker", "dev-worker2"]
    assert worker.command == ("join", "--config", GIVEN, "--wait", "node", "--exit-on-failure")
    assert join["discovery"]["bootstrapToken"] == {
        "apiServerEndpoint": "172.20.0.2:6443",
        "token": TOKEN,
        "caCertHashes": [PIN],
    }
    assert set(worker.files) == {GIVEN}
    assert set(first.files) == {GIVEN, *SHARED}
    assert config(shape(workers=2)).own.workloads_on_control_plane is False


def test_the_first_one_has_most_of_the_cpu_while_the_others_wait_for_it() -> None:
    first, *others = (container for container in planned(shape(3, 2)) if container.is_node)

    assert {first.shares // other.shares for other in others} == {4}


def test_nothing_secret_is_in_what_docker_shows() -> None:
    for container in planned(shape(3, 2)):
        shown = repr(replace(container, files={}))
        assert TOKEN not in shown
        assert TOKEN.split(".")[1] not in shown


def test_several_control_planes_are_behind_a_load_balancer() -> None:
    balancer, first, *others = planned(shape(3, 1))

    assert (balancer.name, balancer.role, balancer.address) == ("dev-load-balancer", LOAD_BALANCER, "172.20.0.2")
    assert [port.host_port for port in balancer.ports] == [21000]
    assert not first.ports
    text = balancer.files["/etc/haproxy/haproxy.cfg"].decode()
    assert text.count("    server dev-control-plane") == 3
    assert "    server dev-control-plane3 172.20.0.5:6443\n" in text
    assert config(shape(3)).cluster.control_plane_endpoint == "172.20.0.2:6443"
    joins = [documents(other)["JoinConfiguration"] for other in others]
    assert [join.get("controlPlane", {}).get("localAPIEndpoint") for join in joins] == [
        {"advertiseAddress": "172.20.0.4"},
        {"advertiseAddress": "172.20.0.5"},
        None,
    ]
    assert {join["discovery"]["bootstrapToken"]["apiServerEndpoint"] for join in joins} == {"172.20.0.2:6443"}


def test_the_order_of_the_nodes_is_free() -> None:
    of = ClusterShape("dev", (NodeShape(WORKER), NodeShape()))
    first, worker = planned(of)

    assert (first.name, first.command[0], worker.command[0]) == ("dev-control-plane", "init", "join")
    assert config(of).node.name == "dev-control-plane"


def test_labels_ports_and_mounts_are_of_their_node() -> None:
    of = shape(workers=1)
    labelled = replace(of, nodes=(of.nodes[0], replace(of.nodes[1], labels={"zone": "a", "disk": "ssd"})))
    worker = planned(labelled)[1]

    extra = documents(worker)["JoinConfiguration"]["nodeRegistration"]["kubeletExtraArgs"]
    assert extra == [{"name": "node-labels", "value": "zone=a,disk=ssd"}]


def test_gates_ranges_and_modes_are_effective() -> None:
    net = ShapeNetworking(pod_subnet="10.10.0.0/16", service_subnet="10.11.0.0/16", proxy_mode="iptables")
    gates = {"A": True, "B": False}
    cfg = config(shape(networking=net, runtime_config={"api/alpha": "true"}))
    gated = documents(planned(shape(feature_gates=gates))[0])

    assert (cfg.cluster.networking.pod_subnet, cfg.cluster.networking.service_subnet) == (
        "10.10.0.0/16",
        "10.11.0.0/16",
    )
    assert cfg.cluster.kube_proxy["mode"] == "iptables"
    assert [(arg.name, arg.value) for arg in cfg.cluster.api_server.extra_args] == [
        ("runtime-config", "api/alpha=true")
    ]
    assert gated["KubeletConfiguration"]["featureGates"] == gates == gated["KubeProxyConfiguration"]["featureGates"]
    for component in ("apiServer", "controllerManager", "scheduler"):
        value = gated["ClusterConfiguration"][component]["extraArgs"]
        assert value == [{"name": "feature-gates", "value": "A=true,B=false"}]


def test_without_kube_proxy() -> None:
    cfg = config(shape(networking=ShapeNetworking(proxy_mode="none")))

    assert cfg.run.skip_phases == ("addon/kube-proxy",)


def test_the_users_documents_win_but_for_what_holds_the_cluster_together() -> None:
    written = (
        {"kind": "ClusterConfiguration", "clusterName": "mine", "apiServer": {"certSANs": ["api.example.test"]}},
        {"kind": "InitConfiguration", "localAPIEndpoint": {"advertiseAddress": "192.0.2.7"}},
        {"kind": "BootstrapConfiguration", "hardening": False},
    )
    cfg = config(shape(documents=written))

    assert cfg.cluster.cluster_name == "mine"
    assert cfg.cluster.api_server_cert_sans == ("dev-control-plane", "127.0.0.1", "api.example.test")
    assert cfg.api.advertise_address == "172.20.0.2"
    assert cfg.own.hardening is False


def test_patches_are_for_the_document_of_their_kind() -> None:
    merge = MergePatch({"kind": "ClusterConfiguration", "networking": {"dnsDomain": "example.test"}})
    add = {"op": "add", "path": "/nodeRegistration/ignorePreflightErrors", "value": ["Swap"]}
    of = shape(workers=1, patches=(merge, JsonPatch("JoinConfiguration", (add,))))

    assert config(of).cluster.networking.dns_domain == "example.test"
    join = documents(planned(of)[1])["JoinConfiguration"]
    assert join["nodeRegistration"]["ignorePreflightErrors"] == ["Swap"]


def test_a_patch_that_does_not_fit_is_an_error() -> None:
    patch = JsonPatch("ClusterConfiguration", ({"op": "remove", "path": "/nothing"},))

    with pytest.raises(BootstrapError, match="does not fit ClusterConfiguration") as error:
        planned(shape(patches=(patch,)))
    assert error.value.code == Exit.CONFIG


def test_changes_of_containerd_are_read_after_its_own_configuration() -> None:
    old = '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/x"\n'
    new = '[plugins."io.containerd.cri.v1.images"]\nsnapshotter = "native"\n'
    for container in planned(shape(workers=1, containerd_patches=(old, new, "version = 2\n"))):
        unit = container.files["/etc/systemd/system/containerd.service.d/10-cluster.conf"].decode()
        whole = container.files[unit.split()[-1]].decode()
        assert whole.index("/etc/containerd/config.toml") < whole.index("/etc/containerd/cluster.d/*.toml")
        numbered = [container.files[f"/etc/containerd/cluster.d/0{i}.toml"].decode() for i in range(3)]
        assert [text.splitlines()[0] for text in numbered] == ["version = 2", "version = 3", "version = 2"]
    assert not any("containerd" in path for path in planned(shape())[0].files)


def test_the_api_where_it_is_published_is_in_its_certificate() -> None:
    sans = config(shape(networking=ShapeNetworking(api_address="192.0.2.1"))).cluster.api_server_cert_sans

    assert "192.0.2.1" in sans
    everywhere = config(shape(networking=ShapeNetworking(api_address="0.0.0.0"))).cluster.api_server_cert_sans
    assert everywhere == ("dev-control-plane",)
