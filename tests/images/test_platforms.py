"""Who takes images from that layout, or from a registry, chooses by platform, takes both, or hears what lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.host.images.layout import Layout
from bootstrap.model.images.oci import IMAGE_NAME
from tests.images.conftest import Bootstrap
from tests.registry.samples import Image, push
from tests.registry.servers import RegistryServer

COREDNS = "localhost/bootstrap/coredns"


def child(layout: Layout, name: str, architecture: str) -> str:
    """The digest of an image's manifest for an architecture."""
    top = next(entry for entry in layout.index() if entry["annotations"][IMAGE_NAME].startswith(name))
    listed = json.loads(layout.read(top["digest"]))["manifests"]
    return next(str(m["digest"]) for m in listed if m["platform"]["architecture"] == architecture)


@pytest.mark.parametrize("architectures", [["arm64"], ["amd64", "arm64"]], ids="+".join)
def test_a_bundle_carries_the_platforms_that_are_asked_for(
    layout: Layout, bootstrap: Bootstrap, tmp_path: Path, architectures: list[str]
) -> None:
    source = ["--from", f"layout:{layout.path}", "--arch", ",".join(architectures)]
    done = bootstrap("bundle", "create", *source, "--file", tmp_path / "b")
    assert done.returncode == 0, done.stderr

    body = json.loads(bootstrap("bundle", "inspect", tmp_path / "b", "-o", "json").stdout)
    assert len(body["images"]) == len(layout.index())
    for image in body["images"]:
        assert {p["architecture"]: p["manifest"] for p in image["platforms"]} == {
            name: child(layout, image["reference"], name) for name in architectures
        }
    verified = bootstrap("bundle", "verify", tmp_path / "b", "--insecure-unsigned")
    assert verified.returncode == 0, verified.stderr


def test_a_platform_that_is_missing_is_named_and_nothing_is_written(
    layout: Layout, bootstrap: Bootstrap, tmp_path: Path
) -> None:
    source = ["--from", f"layout:{layout.path}", "--arch", "arm64,s390x"]
    done = bootstrap("bundle", "create", *source, "--file", tmp_path / "b")

    assert done.returncode == 9
    for entry in layout.index():
        assert f"{entry['annotations'][IMAGE_NAME]}: it is not there for s390x" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def registry(tmp_path: Path, layout: Layout) -> Iterator[RegistryServer]:
    """Has CoreDNS for both platforms."""
    server = RegistryServer(tmp_path / "registry")
    top = next(entry for entry in layout.index() if entry["annotations"][IMAGE_NAME].startswith(COREDNS))
    manifests = {top["digest"]: (top["mediaType"], layout.read(top["digest"]))}
    blobs: dict[str, bytes] = {}
    for listed in json.loads(manifests[top["digest"]][1])["manifests"]:
        manifests[listed["digest"]] = (listed["mediaType"], layout.read(listed["digest"]))
        manifest = json.loads(layout.read(listed["digest"]))
        for blob in (manifest["config"], *manifest["layers"]):
            with layout.open(blob["digest"]) as stream:
                blobs[blob["digest"]] = stream.read()
    push(server, "team/coredns", "1", Image(top["digest"], manifests, blobs, {}))
    yield server
    server.stop()


def test_a_pull_takes_its_platform_and_says_which_one_is_not_there(
    layout: Layout, registry: RegistryServer, bootstrap: Bootstrap, tmp_path: Path
) -> None:
    (tmp_path / "mirrors.yaml").write_text(
        f"registries: [{{registry: '{registry.host}', endpoints: [{{server: '{registry.host}', plainHTTP: true}}]}}]\n"
    )
    words = ["images", "pull", f"{registry.host}/team/coredns:1", "--mirrors", tmp_path / "mirrors.yaml"]
    done = bootstrap(*words, "--arch", "arm64", "--to", tmp_path / "to")
    assert done.returncode == 0, done.stderr
    got, arm64, amd64 = Layout(tmp_path / "to"), child(layout, COREDNS, "arm64"), child(layout, COREDNS, "amd64")
    assert got.has(arm64) and not got.has(amd64)
    layers = json.loads(got.read(arm64))["layers"]
    assert all(got.size(layer["digest"]) == layer["size"] for layer in layers)

    refused = bootstrap(*words, "--arch", "arm64", "--arch", "s390x", "--to", tmp_path / "none")
    assert refused.returncode != 0
    assert "s390x" in refused.stderr
    assert not (tmp_path / "none").exists()
