"""Every setting of a cluster that is here, changed with --reconfigure: it has an effect, or it is refused with the way.

A setting that is new in the model has to be entered here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import pytest
from gen_docs import default_inputs

from bootstrap.config import Documents, Overrides, difference, resolve, to_stored
from bootstrap.engine.journal import Journal
from bootstrap.model import names
from bootstrap.model.cluster import (
    ApiEndpoint,
    Arg,
    BootstrapConfig,
    ClusterConfig,
    ClusterSpec,
    Component,
    ExternalEtcd,
    LocalEtcd,
    Networking,
    NodeSpec,
    Taint,
)
from bootstrap.model.effects import Apply, Effect, File, FileGone, NodeTaints, ObjectGone
from bootstrap.model.encryption import Encryption
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.images.mirrors import Endpoint, MirrorRule, Mirrors, Server
from bootstrap.model.journal_entry import PATH
from bootstrap.model.plan import Plan
from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.preflight.checks import Preflight
from bootstrap.render.addons.foreign import kept_path
from bootstrap.render.images.required import as_upstream
from bootstrap.workflows.init import Decision, Request, make_plan
from bootstrap.workflows.reconfigure import check_difference
from tests.configs import changed
from tests.golden.rendered import NOW
from tests.memory import MemoryHost

FACTS = HostFacts(mode="node", hostname="n1", addresses=(Address("eth0", "192.0.2.10", True),))
RULES = Mirrors((MirrorRule("ghcr.io", (Endpoint(Server("mirror.example")),)),))
MANIFEST = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"


def base() -> ClusterConfig:
    """Upstream's images, which have to be brought in."""
    cfg = as_upstream(resolve(Documents(), Overrides(), FACTS))
    return replace(cfg, own=replace(cfg.own, mirrors=RULES))


CLUSTER: dict[str, list[Any]] = {
    "cluster_name": ["other"],
    "kubernetes_version": ["v1.37.9"],
    "control_plane_endpoint": ["api.example:6443"],
    "certificates_dir": ["/srv/pki"],
    "image_repository": ["registry.example/k8s"],
    "encryption_algorithm": ["RSA-2048", "ECDSA-P384"],
    "certificate_validity": [3600.0],
    "ca_certificate_validity": [3600.0],
    "networking": [Networking(pod_subnet="10.1.0.0/16"), Networking(dns_domain="x.example")],
    "etcd": [
        LocalEtcd(data_dir="/srv/etcd"),
        LocalEtcd(image_repository="registry.example"),
        LocalEtcd(image_tag="3.6.0"),
        LocalEtcd(extra_args=(Arg("snapshot-count", "5"),)),
        LocalEtcd(extra_envs=({"name": "A", "value": "b"},)),
        LocalEtcd(server_cert_sans=("etcd.example",)),
        LocalEtcd(peer_cert_sans=("etcd.example",)),
        ExternalEtcd(("https://192.0.2.9:2379",)),
    ],
    "api_server": [Component(extra_args=(Arg("v", "4"),))],
    "api_server_cert_sans": [("api.example",)],
    "controller_manager": [Component(extra_args=(Arg("v", "4"),))],
    "scheduler": [Component(extra_args=(Arg("v", "4"),))],
    "dns_image_repository": ["registry.example"],
    "dns_image_tag": ["v9"],
    "dns_disabled": [True],
    "proxy_disabled": [True],
    "feature_gates": [{"NodeLocalCRISocket": True}],
    "kubelet": [{"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", "maxPods": 50}],
    "kube_proxy": [
        {"kind": "KubeProxyConfiguration", "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "mode": "iptables"}
    ],
}
NODE: dict[str, list[Any]] = {
    "name": ["other"],
    "cri_socket": ["unix:///run/other.sock"],
    "taints": [(Taint("a", "NoExecute", "b"),)],
    "kubelet_extra_args": [(Arg("v", "4"),)],
    "image_pull_policy": ["Always", "Never"],
    "image_pull_serial": [False],
    "patches_directory": ["/m/patches"],
    "api": [ApiEndpoint("192.0.2.10", 7443)],
}
OWN: dict[str, list[Any]] = {
    "cni": ["none", "/m/x.yaml"],
    "hardening": [False],
    "workloads_on_control_plane": [False],
    "extra_sans": [("x.example",)],
    "mirrors": [Mirrors(), Mirrors((MirrorRule("quay.io", (Endpoint(Server("mirror.example")),)),))],
    "trusted_keys": [("key",)],
    "addons": [("/m/x.yaml",)],
    "images_in_config_maps": [True],
    "certificate_renewal": [False],
    "storage": ["local-path"],
    "load_balancer_addresses": [("192.0.2.200-192.0.2.250",)],
    "verify_kubelets": [False],
    "control_plane_vip": [VirtualAddress("192.0.2.200")],
    "etcd_snapshots": [3],
    "encryption": [Encryption("secretbox"), Encryption("kms-v2", "unix:///run/kms/s.sock")],
}
STORED_ONLY = {
    "feature_gates": "kubeadm's own, for its next command: kubeadm-config says them",
    "image_pull_serial": "images are brought in side by side or one by one, and are the same then",
    "images_in_config_maps": "only for add-ons whose ConfigMaps name images",
}
OF_JOIN = {"server"}
"""What `init` has no setting for."""
NO_SETTING_OF_THE_CLUSTER = {"trusted_keys": "whose bundles are taken is asked at each run"}


@pytest.mark.parametrize(
    ("kind", "table"),
    [(ClusterSpec, CLUSTER), (NodeSpec, NODE), (BootstrapConfig, OWN)],
    ids=["cluster", "node", "own"],
)
def test_every_setting_is_tried(kind: type, table: dict[str, list[Any]]) -> None:
    assert {f.name for f in fields(kind)} - OF_JOIN == set(table)


def plan(host: MemoryHost, cfg: ClusterConfig, *, resumed: bool) -> Plan:
    decision = Decision(cfg, FACTS, Preflight(()), resumed)
    request = Request(None, Overrides(), reconfigure=resumed)
    return make_plan(host, decision, default_inputs()[2].manifests, NOW, request)


def settled(cfg: ClusterConfig) -> MemoryHost:
    """A machine on which the plan of `cfg` was run, as far as files go."""
    host = MemoryHost()
    host.mkdir("/m/patches", 0o755)
    host.write("/m/x.yaml", MANIFEST, 0o644)
    host.write("/m/patches/etcd.yaml", b"metadata: {labels: {x: y}}", 0o644)
    for effect in effects(plan(host, cfg, resumed=False)):
        if isinstance(effect, File):
            Journal(host, "init").note(PATH, effect.path)
            host.mkdir(effect.path.rpartition("/")[0], 0o755)
            host.write(effect.path, effect.content, effect.mode)
    return host


def effects(found: Plan) -> list[Effect]:
    return [effect for step in found.steps for effect in step.effects]


def telling(found: Plan) -> set[str]:
    """Effects that change more than what is stored about the configuration."""
    return {repr(effect) for effect in effects(found) if not _is_stored(effect)}


def _is_stored(effect: Effect) -> bool:
    if isinstance(effect, File):
        return effect.path == names.STATE_CONFIG
    return isinstance(effect, Apply) and effect.body["metadata"]["name"] == "kubeadm-config"


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        (part, field, value)
        for part, table in (("cluster", CLUSTER), ("node", NODE), ("own", OWN))
        for field, values in table.items()
        for value in values
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_value_is_shown_and_has_an_effect_or_is_refused(part: str, field: str, value: Any) -> None:
    old = base()
    new = replace(old, **{part: replace(getattr(old, part), **{field: value})})
    host = settled(old)
    if field in NO_SETTING_OF_THE_CLUSTER:
        assert difference(old, new) == []
        return
    assert difference(old, new)
    try:
        check_difference(host, "node", to_stored(old).encode(), new, reconfigure=True)
    except BootstrapError as e:
        assert e.fix
        return
    before, after = telling(plan(host, old, resumed=True)), telling(plan(host, new, resumed=True))
    assert (after != before) == (field not in STORED_ONLY)


def test_what_is_disabled_is_deleted() -> None:
    found = effects(plan(settled(base()), changed(base(), proxy_disabled=True, dns_disabled=True), resumed=True))
    gone = {(e.body["kind"], e.body["metadata"]["name"]) for e in found if isinstance(e, ObjectGone)}

    assert {("DaemonSet", "kube-proxy"), ("Deployment", "coredns"), ("Service", "kube-dns")} <= gone


@pytest.mark.parametrize(
    ("change", "taints"),
    [
        ({"taints": (Taint("a", "NoExecute"),)}, ["a:NoExecute"]),
        ({"taints": ()}, []),
        ({}, []),
    ],
)
def test_taints_go_to_the_node(change: dict[str, Any], taints: list[str]) -> None:
    found = effects(plan(settled(base()), changed(base(), **change), resumed=True))
    (effect,) = (e for e in found if isinstance(e, NodeTaints))

    assert list(map(str, effect.taints)) == taints


def test_files_of_rules_that_are_gone_go() -> None:
    host, old = settled(base()), base()
    found = effects(plan(host, replace(old, own=replace(old.own, mirrors=Mirrors())), resumed=True))

    gone = [path for path in removed(found) if "/certs.d/" in path]
    assert [path.rpartition("/certs.d/")[2] for path in gone] == ["ghcr.io/hosts.toml", "mirror.example/hosts.toml"]
    assert not [path for path in removed(effects(plan(host, old, resumed=True))) if "/certs.d/" in path]


def removed(found: Iterable[Effect]) -> list[str]:
    return [effect.path for effect in found if isinstance(effect, FileGone)]


def refused(host: MemoryHost, old: ClusterConfig, new: ClusterConfig) -> str:
    try:
        check_difference(host, "node", to_stored(old).encode(), new, reconfigure=True)
    except BootstrapError as e:
        return e.fix
    return ""


def test_an_add_on_that_is_left_out_is_refused_until_it_is_gone() -> None:
    without = base()
    old = replace(without, own=replace(without.own, addons=("/m/x.yaml",)))
    host, path = settled(old), kept_path("x")

    assert refused(host, old, without) == "bootstrap addon remove x"
    host.remove(path)
    assert refused(host, old, without) == ""


@pytest.mark.parametrize(
    ("old", "new", "others", "fixed"),
    [
        ("calico=/m/a.yaml", "calico=/m/b.yaml", (), False),
        ("calico=/m/a.yaml", "/m/b.yaml", (), True),
        ("flannel", "none", (), True),
        ("none", "flannel", (), False),
        ("none", "flannel", ("05-cilium.conflist",), True),
    ],
)
def test_a_node_has_one_network(old: str, new: str, others: tuple[str, ...], fixed: bool) -> None:
    host, cfg = MemoryHost(), base()
    for name in others:
        host.mkdir("/etc/cni/net.d", 0o755)
        host.write(f"/etc/cni/net.d/{name}", b"{}", 0o644)
    one, other = (replace(cfg, own=replace(cfg.own, cni=cni)) for cni in (old, new))

    assert bool(refused(host, one, other)) == fixed
