"""The upstream images of each minor, and the catalog of what is built beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, ExternalEtcd
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.mirrors import Endpoint, MirrorRule, Mirrors, Server
from bootstrap.render.images import catalog, required
from tests.configs import changed

BUILT = yaml.safe_load((Path(__file__).parents[3] / "images" / "catalog.yaml").read_text())
KUBEADM = {
    "v1.35.4": ["coredns/coredns:v1.13.1", "pause:3.10.1", "etcd:3.6.6-0"],
    "v1.36.3": ["coredns/coredns:v1.14.2", "pause:3.10.2", "etcd:3.6.8-0"],
    "v1.37.0": ["coredns/coredns:v1.14.6", "pause:3.10.2", "etcd:3.7.0-0"],
}
"""What `kubeadm config images list` of that version says after the four of Kubernetes itself."""
KUBERNETES = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]


def upstream(version: str) -> ClusterConfig:
    cfg = required.as_upstream(resolve(Documents(), Overrides(), ANY_HOST))
    return changed(cfg, kubernetes_version=version)


@pytest.mark.parametrize("version", KUBEADM)
def test_the_images_of_a_minor_are_kubeadms(version: str) -> None:
    found = required.needed(replace(upstream(version), own=BootstrapConfig(cni="none")))

    assert found == tuple(
        f"registry.k8s.io/{image}" for image in [*(f"{name}:{version}" for name in KUBERNETES), *KUBEADM[version]]
    )


def test_the_default_pod_network_is_among_them() -> None:
    assert required.needed(upstream("v1.36.3"))[-1] == f"ghcr.io/flannel-io/flannel:{catalog.FLANNEL_TAG}"


def test_the_three_minors_that_upstream_supports_are_there() -> None:
    assert sorted(catalog.MINORS) == ["1.35", "1.36", "1.37"]
    assert all(entry.kubernetes.startswith(f"v{minor}.") for minor, entry in catalog.MINORS.items())


@pytest.mark.parametrize("minor", BUILT["minors"])
def test_what_is_built_stands_for_the_image_of_the_same_minor(minor: str) -> None:
    entry = BUILT["minors"][minor]
    whole = resolve(Documents(), Overrides(control_plane_vip="192.0.2.200", storage="local-path"), ANY_HOST)
    whole = replace(whole, own=replace(whole.own, load_balancer_addresses=("192.0.2.64/26",)))
    cfg = changed(whole, kubernetes_version=entry["builtVersion"])
    found = {n.component: (n.image, "" if n.image == n.upstream else n.upstream) for n in required.components(cfg)}

    assert found == {
        name: (f"{BUILT['repository']}/{image['name']}:{image['tag']}", image["upstream"])
        for name, image in entry["images"].items()
    }


def test_the_version_that_is_carried_is_in_the_catalog() -> None:
    assert catalog.MINORS[names.KUBERNETES_MINOR].kubernetes == names.KUBERNETES_VERSION


RULES = Mirrors((MirrorRule("registry.k8s.io", (Endpoint(Server("m.example")),)),))


@pytest.mark.parametrize(
    ("policy", "mirrors", "count", "always"),
    [
        ("IfNotPresent", RULES, 8, False),
        ("Always", RULES, 8, True),
        ("Never", RULES, 0, False),
        ("IfNotPresent", Mirrors(), 0, False),
        ("Always", Mirrors(), 8, True),
        ("Never", Mirrors(), 0, False),
    ],
)
def test_images_that_do_not_come_with_the_program_are_brought_in(
    policy: str, mirrors: Mirrors, count: int, always: bool
) -> None:
    """Through mirrors, and where they are always asked for; the kubelet pulls others by itself."""
    cfg = upstream("v1.37.0")
    cfg = replace(cfg, own=replace(cfg.own, mirrors=mirrors))
    found = required.to_bring_in(replace(cfg, node=replace(cfg.node, image_pull_policy=policy)))

    assert len(found) == count
    assert all(image.always is always and not image.image.startswith("localhost/") for image in found)


def test_our_own_images_need_not_be_brought_in() -> None:
    assert required.to_bring_in(resolve(Documents(), Overrides(), ANY_HOST)) == ()


def test_an_external_etcd_needs_no_image() -> None:
    cfg = changed(upstream("v1.37.0"), etcd=ExternalEtcd(("https://192.0.2.1:2379",)))

    assert "etcd" not in [found.component for found in required.components(cfg)]


@pytest.mark.parametrize(
    ("given", "version"), [("1.36", "v1.36.3"), ("v1.35", "v1.35.4"), ("1.36.1", "v1.36.1"), ("v1.37.0", "v1.37.0")]
)
def test_a_version_is_made_complete_without_asking_the_network(given: str, version: str) -> None:
    assert catalog.complete_version(given) == version


@pytest.mark.parametrize("given", ["1.34.2", "1.38", "stable", "", "1.36.x"])
def test_a_version_that_is_not_in_the_catalog_is_refused(given: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        catalog.complete_version(given)

    assert caught.value.code == Exit.CONFIG
    assert "1.35, 1.36, 1.37" in caught.value.why


@pytest.mark.parametrize(("version", "etcd"), [("v1.30.0", "3.6.6-0"), ("v1.40.0", "3.7.0-0")])
def test_a_minor_outside_gets_the_nearest_as_in_kubeadm(version: str, etcd: str) -> None:
    assert catalog.of(version).etcd == etcd
