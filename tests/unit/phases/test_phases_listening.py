"""What `init` waits for, writes and restarts follows the configuration, not the defaults of it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from gen_docs import default_inputs

from bootstrap.config import Overrides, load, resolve
from bootstrap.model import names
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import EtcdAddresses, File, Link, UnitRunning
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.plan import Step
from bootstrap.preflight.ports import wanted
from tests.golden.rendered import NOW, FixedKeySource
from tests.memory import MemoryHost
from tests.plans import new_inputs, planned

MANIFESTS = default_inputs()[2].manifests


def facts(address: str = "192.0.2.10") -> HostFacts:
    return HostFacts(mode="node", hostname="n", addresses=(Address("eth0", address, True),))


def steps(
    cluster: dict[str, Any] | None = None,
    kubelet: dict[str, Any] | None = None,
    patches: dict[str, bytes] | None = None,
    address: str = "192.0.2.10",
    node: dict[str, Any] | None = None,
    **flags: Any,
) -> dict[str, Step]:
    documents = [{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", **(cluster or {})}]
    if node:
        kind = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration"}
        documents.append({**kind, "nodeRegistration": node})
    if kubelet:
        kind = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
        documents.append({**kind, **kubelet})
    cfg = resolve(load(yaml.safe_dump_all(documents).encode()), Overrides(**flags), facts(address))
    inputs = new_inputs(cfg, facts(address), FixedKeySource(), NOW, MANIFESTS)
    return {step.id: step for step in planned(inputs, patches=patches or {}).steps}


def urls(step: Step) -> list[str]:
    return [wait.url for wait in step.waits if isinstance(wait, HttpOk)]


def arguments(component: str, **flags: str) -> dict[str, Any]:
    return {component: {"extraArgs": [{"name": k.replace("_", "-"), "value": v} for k, v in flags.items()]}}


@pytest.mark.parametrize(
    ("kubelet", "expected"),
    [
        ({}, ["http://127.0.0.1:10248/healthz"]),
        ({"healthzPort": 20248}, ["http://127.0.0.1:20248/healthz"]),
        ({"healthzBindAddress": "192.0.2.10"}, ["http://192.0.2.10:10248/healthz"]),
        ({"healthzBindAddress": "0.0.0.0"}, ["http://127.0.0.1:10248/healthz"]),
        ({"healthzBindAddress": "::1"}, ["http://[::1]:10248/healthz"]),
        ({"healthzPort": 0}, []),
    ],
)
def test_the_kubelet_is_asked_where_it_answers(kubelet: dict[str, Any], expected: list[str]) -> None:
    assert urls(steps(kubelet=kubelet)["kubelet-start"]) == expected


def test_the_kubelets_flags_win_over_its_configuration() -> None:
    node = {"kubeletExtraArgs": [{"name": "healthz-port", "value": "30248"}]}
    found = steps(kubelet={"healthzPort": 20248}, node=node)

    assert urls(found["kubelet-start"]) == ["http://127.0.0.1:30248/healthz"]


def test_a_patch_of_the_kubelets_configuration_counts() -> None:
    found = steps(patches={"kubeletconfiguration.yaml": b"healthzPort: 20248\n"})

    assert urls(found["kubelet-start"]) == ["http://127.0.0.1:20248/healthz"]


@pytest.mark.parametrize(
    ("flags", "url", "port"),
    [
        ({}, "https://127.0.0.1:10257/healthz", 10257),
        ({"secure_port": "20257"}, "https://127.0.0.1:20257/healthz", 20257),
        ({"bind_address": "192.0.2.10"}, "https://192.0.2.10:10257/healthz", 10257),
        ({"bind_address": "0.0.0.0", "secure_port": "20257"}, "https://127.0.0.1:20257/healthz", 20257),
    ],
)
def test_the_controller_manager_is_asked_and_probed_where_it_listens(
    flags: dict[str, str], url: str, port: int
) -> None:
    found = steps(arguments("controllerManager", **flags))
    (manifest,) = found["control-plane/controller-manager"].effects

    assert urls(found["wait-control-plane/controller-manager"]) == [url]
    assert isinstance(manifest, File)
    assert f"containerPort: {port}".encode() in manifest.content


def test_a_component_without_a_port_is_neither_asked_nor_probed() -> None:
    found = steps(arguments("scheduler", secure_port="0"))
    (manifest,) = found["control-plane/scheduler"].effects

    assert urls(found["wait-control-plane/scheduler"]) == []
    assert isinstance(manifest, File)
    assert b"Probe" not in manifest.content


def test_a_patch_of_a_static_pod_counts() -> None:
    patch = b'- {op: add, path: /spec/containers/0/command/-, value: "--secure-port=20259"}\n'
    found = steps(patches={"kube-scheduler+json.yaml": patch})

    assert urls(found["wait-control-plane/scheduler"]) == ["https://127.0.0.1:20259/livez"]


@pytest.mark.parametrize(
    ("flags", "rbac"),
    [
        ({}, True),
        ({"authorization_mode": "Node,RBAC,Webhook"}, True),
        ({"authorization_mode": "AlwaysAllow"}, False),
        ({"authorization_mode": "Node,ABAC"}, False),
        ({"authorization_config": "/etc/authorization.yaml"}, True),
    ],
)
def test_roles_are_waited_for_where_the_api_server_makes_them(flags: dict[str, str], rbac: bool) -> None:
    found = steps(arguments("apiServer", **flags))

    assert bool(urls(found["wait-control-plane/leases"])) == rbac
    assert ("/readyz/poststarthook/rbac/bootstrap-roles" in urls(found["wait-control-plane/apiserver"])) == rbac


def test_static_pods_lie_where_the_kubelet_looks() -> None:
    found = steps(kubelet={"staticPodPath": "/srv/static/"})
    written = [e.path for step in found.values() for e in step.effects if isinstance(e, File)]

    assert "/srv/static/etcd.yaml" in written
    assert not [path for path in written if path.startswith("/etc/kubernetes/manifests")]


@pytest.mark.parametrize(
    ("flags", "endpoint", "url"),
    [
        ({}, "https://127.0.0.1:2379", "https://192.0.2.10:2380"),
        ({"listen_client_urls": "https://0.0.0.0:3379"}, "https://127.0.0.1:3379", "https://192.0.2.10:2380"),
        (
            {"initial_advertise_peer_urls": "https://192.0.2.10:3380,https://192.0.2.11:3380"},
            "https://127.0.0.1:2379",
            "https://192.0.2.10:3380,https://192.0.2.11:3380",
        ),
    ],
)
def test_etcd_is_asked_where_it_listens_and_known_by_its_own_urls(
    flags: dict[str, str], endpoint: str, url: str
) -> None:
    (effect,) = steps({"etcd": {"local": arguments("x", **flags)["x"]}})["etcd/peer-url"].effects

    assert isinstance(effect, EtcdAddresses)
    assert ",".join(effect.peer_urls) == url
    assert effect.url == endpoint


def kubelet_start(host: MemoryHost, found: dict[str, Step]) -> bool:
    """Writes what the plan writes before the kubelet starts; whether it is started anew."""
    (unit,) = (e for e in found["kubelet-start"].effects if isinstance(e, UnitRunning))
    for effect in found["kubelet-start/config"].effects:
        if isinstance(effect, File) and host.read(effect.path) != effect.content:
            host.mkdir(effect.path.rpartition("/")[0], 0o755)
            host.write(effect.path, effect.content, effect.mode)
    state = host.unit(unit.name)
    changed = any((stat := host.stat(path)) is not None and stat.mtime > state.started for path in unit.uses)
    host.start_unit(unit.name, enable=False, restart=True)
    return changed


@pytest.mark.parametrize(
    ("second", "again"),
    [({}, False), ({"address": "192.0.2.77"}, True), ({"apiserver_bind_port": 7443}, True)],
)
def test_the_kubelet_is_started_anew_for_another_address_or_port_of_its_server(
    second: dict[str, Any], again: bool
) -> None:
    host = MemoryHost()
    kubelet_start(host, steps())

    assert kubelet_start(host, steps(**second)) == again


def test_the_kubelet_is_started_anew_for_another_credential() -> None:
    pem = File("/var/lib/kubelet/pki/kubelet-client-2026.pem", b"x", secret=True)
    link = Link(names.KUBELET_CLIENT_CURRENT, pem.path)
    found = {step.id: step for step in planned(default_inputs(), credential=(pem, link)).steps}
    (unit,) = (e for e in found["kubelet-start"].effects if isinstance(e, UnitRunning))

    assert found["kubeconfig/kubelet"].effects[-2:] == (pem, link)
    assert pem.path in unit.uses
    assert link.path not in unit.uses, "the kubelet renews it by itself"
    assert "kubeconfig/kubelet" in found["kubelet-start"].after


def test_preflight_looks_at_the_ports_that_will_be_used() -> None:
    documents = [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            **arguments("scheduler", secure_port="20259"),
            **arguments("controllerManager", secure_port="0"),
            "etcd": {"local": arguments("x", listen_metrics_urls="http://192.0.2.10:3381,http://127.0.0.1:2381")["x"]},
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "healthzPort": 0,
            "port": 20250,
        },
    ]
    found = wanted(resolve(load(yaml.safe_dump_all(documents).encode()), Overrides(), facts()))

    assert sorted(want.port for want in found) == [2379, 2380, 2381, 3381, 6443, 20250, 20259]


@pytest.mark.parametrize(("flags", "refused"), [({}, True), ({"apiserver_bind_port": 7443}, False)])
def test_the_api_servers_port_is_where_clients_look(flags: dict[str, Any], refused: bool) -> None:
    try:
        found = steps(arguments("apiServer", secure_port="7443"), **flags)
    except BootstrapError as e:
        assert refused
        assert "InitConfiguration.localAPIEndpoint.bindPort: 7443" in "".join(e.details)
        return
    assert not refused
    assert found
