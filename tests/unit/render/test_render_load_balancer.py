"""MetalLB: only with addresses, from the image of the cluster's other images, and answering on some node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.config import Overrides, resolve
from bootstrap.config.loader import Documents
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.kube_client import object_path
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.render.addons.builtin import load_balancer
from bootstrap.render.addons.manifest import waves
from bootstrap.render.images import required
from tests.golden.rendered import manifests

PLAIN = resolve(Documents(), Overrides(), ANY_HOST)
ASKED = replace(PLAIN, own=replace(PLAIN.own, load_balancer_addresses=("192.0.2.64/26", "192.0.2.200-192.0.2.250")))
UPSTREAM = replace(ASKED, cluster=replace(ASKED.cluster, image_repository=names.UPSTREAM_REPOSITORY))
HOST, NODE = replace(ANY_HOST, mode="host"), replace(ANY_HOST, mode="node")


def test_nothing_is_installed_without_addresses() -> None:
    assert load_balancer(PLAIN, ANY_HOST, manifests()) == ()
    assert not [image for image in required.needed(PLAIN) if "metallb" in image]


def test_the_addresses_are_announced() -> None:
    pool, announced = waves(load_balancer(ASKED, ANY_HOST, manifests())).custom

    assert pool["spec"]["addresses"] == ["192.0.2.64/26", "192.0.2.200-192.0.2.250"]
    assert announced["spec"]["ipAddressPools"] == [pool["metadata"]["name"]]
    assert object_path(pool) == "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/bootstrap"


def test_kinds_of_other_ways_to_announce_take_no_object() -> None:
    kinds = waves(load_balancer(ASKED, ANY_HOST, manifests())).definitions
    schemas = {body["spec"]["names"]["kind"]: body["spec"]["versions"][0]["schema"] for body in kinds}
    refused = {
        kind
        for kind, schema in schemas.items()
        if any(rule["rule"] == "false" for rule in schema["openAPIV3Schema"].get("x-kubernetes-validations", ()))
    }

    assert refused == {"BFDProfile", "BGPAdvertisement", "BGPPeer", "Community", "ServiceBGPStatus"}
    assert set(schemas) - refused == {"IPAddressPool", "L2Advertisement", "ServiceL2Status"}


@pytest.mark.parametrize(
    ("cfg", "repository"), [(ASKED, "localhost/bootstrap/metallb-"), (UPSTREAM, "quay.io/metallb/")]
)
def test_both_programs_are_brought_in(cfg: ClusterConfig, repository: str) -> None:
    found = waves(load_balancer(cfg, ANY_HOST, manifests())).workloads
    images = {body["metadata"]["name"]: body["spec"]["template"]["spec"]["containers"][0]["image"] for body in found}

    assert images == {name: f"{repository}{name}:v0.15.2" for name in ("controller", "speaker")}
    assert set(images.values()) <= set(required.needed(cfg))


@pytest.mark.parametrize(
    ("facts", "allowed", "everywhere"),
    [(NODE, None, True), (HOST, True, True), (HOST, None, False), (NODE, False, False)],
)
def test_control_planes_answer_where_workloads_run_on_them(
    facts: object, allowed: bool | None, everywhere: bool
) -> None:
    cfg = replace(ASKED, own=replace(ASKED.own, workloads_on_control_plane=allowed))
    (speaker,) = (body for body in load_balancer(cfg, facts, manifests()) if body["kind"] == "DaemonSet")

    args = speaker["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == [f"--ignore-exclude-lb={str(everywhere).lower()}"]
