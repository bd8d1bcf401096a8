"""What belongs into a bundle, and whether it is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.config import Documents, Overrides, load, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model.addon import Addon
from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.model.images.bundle import BundledImage, BundleManifest, Damaged, PlatformImage, decode, tag
from bootstrap.model.images.oci import MANIFEST
from bootstrap.render.bundle.contents import collect, critical, not_in, references
from bootstrap.render.images import required
from tests.configs import changed

CFG = resolve(Documents(), Overrides(), ANY_HOST)
FOLDER = Path(__file__).parents[3] / "manifests"
MANIFESTS = {str(path.relative_to(FOLDER)): path.read_text() for path in FOLDER.rglob("*.yaml")}
DIGEST = "sha256:" + "0" * 64


def bundle(*held: tuple[str, tuple[str, ...]]) -> BundleManifest:
    found = [
        BundledImage(
            name,
            "test",
            {"mediaType": MANIFEST, "digest": DIGEST, "size": 1},
            tuple(PlatformImage(architecture, DIGEST, DIGEST) for architecture in architectures),
            critical=False,
        )
        for name, architectures in held
    ]
    return BundleManifest(("v1",), ("amd64",), "none", "", tuple(found), ())


def test_critical_images_come_first() -> None:
    found = references(CFG, ANY_HOST, MANIFESTS, {})

    assert found[:3] == critical(CFG)
    assert [name.rpartition("/")[2].partition(":")[0] for name in found[:3]] == ["pause", "etcd", "kube-apiserver"]


def test_the_closure_holds_everything_that_kubeadms_rules_name() -> None:
    assert set(required.needed(CFG)) <= set(references(CFG, ANY_HOST, MANIFESTS, {}))


WORKER = replace(CFG, node=replace(CFG.node, api=None, server="192.0.2.10:6443"))


@pytest.mark.parametrize(
    "cfg",
    [
        WORKER,
        changed(WORKER, etcd=ExternalEtcd(("https://192.0.2.20:2379",))),
        replace(WORKER, own=replace(WORKER.own, cni="none")),
    ],
)
def test_a_worker_needs_no_control_plane(cfg: ClusterConfig) -> None:
    found = references(cfg, ANY_HOST, MANIFESTS, {})

    assert critical(cfg) == found[:1] == (required.pause(cfg),)
    assert set(required.needed(cfg)) <= set(found)
    assert not [name for name in found if "apiserver" in name or "/etcd:" in name]


def test_the_closure_finds_what_a_patch_brings_in() -> None:
    patch = b"spec:\n  initContainers:\n  - name: x\n    image: registry.example/x:1\n"

    assert "registry.example/x:1" in references(CFG, ANY_HOST, MANIFESTS, {"kube-apiserver.yaml": patch})


def test_the_closure_finds_what_an_add_on_names() -> None:
    other = {**MANIFESTS}
    other["coredns/coredns.yaml"] = other["coredns/coredns.yaml"].replace("${IMAGE}", "registry.example/dns:1")

    assert "registry.example/dns:1" in references(CFG, ANY_HOST, other, {})


def test_the_closure_finds_what_somebody_elses_manifest_names() -> None:
    pod = b"{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: x, image: x/y}]}}"

    assert "docker.io/x/y:latest" in references(CFG, ANY_HOST, MANIFESTS, {}, [Addon("x", "/x.yaml", pod)])


def test_a_cluster_without_a_network_needs_none() -> None:
    document = b"apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\ncni: none\n"
    cfg = resolve(load(document), Overrides(), ANY_HOST)

    assert not [name for name in references(cfg, ANY_HOST, MANIFESTS, {}) if "flannel" in name]


def test_what_is_missing_is_named_with_its_architectures() -> None:
    manifest = bundle(("a", ("amd64", "arm64")), ("b", ("amd64",)))

    assert not_in(manifest, ["a", "b"], ["amd64"]) == ()
    assert not_in(manifest, ["a", "b", "c"], ["amd64", "arm64"]) == ("b (arm64)", "c (amd64, arm64)")


@pytest.mark.parametrize("wanted", ["r.example/x:1", f"r.example/x:1@{DIGEST}", f"r.example/x@{DIGEST}"])
def test_an_image_in_a_bundle_is_what_its_tag_or_its_digest_means(wanted: str) -> None:
    held = bundle((f"r.example/x:1@{DIGEST}", ("amd64",)))

    assert not_in(held, [wanted, "x"], ["amd64"]) == ("x (amd64)",)
    assert not_in(held, [f"r.example/x:1@sha256:{'1' * 64}", "r.example/x:2", "r.example/y:1"], ["amd64"]) != ()
    assert not_in(bundle(("r.example/x:1", ("amd64",))), [wanted], ["amd64"]) == ()


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"format":"bootstrap-bundle/v1"}', b"\xff", b"[" * 100_000])
def test_another_document_is_no_manifest(content: bytes) -> None:
    with pytest.raises(Damaged):
        decode(content)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b"no",
        b'{"config":{},"layers":[]}',
        b'{"config":{"digest":[]},"layers":7}',
        b'{"config":{"mediaType":"x","digest":["a"],"size":1},"layers":[]}',
        b'{"config":{"mediaType":"x","digest":"a","size":"1"},"layers":[]}',
        b'{"config":{"mediaType":"x","digest":"a","size":true},"layers":[]}',
    ],
)
def test_another_document_is_no_image(content: bytes) -> None:
    with pytest.raises(Damaged):
        collect({"mediaType": MANIFEST, "digest": DIGEST, "size": 1}, lambda _: content, ["amd64"])


def test_the_tag_of_a_reference() -> None:
    assert tag("registry.k8s.io/pause:3.10") == "3.10"
    assert tag(f"registry.example:5000/a@{DIGEST}") == "0" * 64
