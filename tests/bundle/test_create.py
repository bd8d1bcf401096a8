"""Needs nothing: bundles made from layouts and from a seed."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.bundle.file import Trust, verified
from bootstrap.host.bundle.zstd import FAST, zstd
from bootstrap.host.images.layers import write_layer
from bootstrap.host.images.layout import Layout
from bootstrap.host.images.seed import CONTENT
from bootstrap.host.images.sources import LayoutSource, SeedSource
from bootstrap.host.images.zstd_source import packed
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import named
from bootstrap.render.bundle.signature import key_id
from bootstrap.workflows.images.bundle_create import create
from tests.bundle.corpus import (
    ARCHITECTURE,
    CRITICAL,
    NOW,
    OTHER,
    Good,
    add_image,
    digest,
    layer,
    small_contents,
    small_layout,
)

UNSIGNED = Trust(unsigned=True)


def test_the_same_content_gives_the_same_file(good: Good, tmp_path: Path) -> None:
    source = LayoutSource(small_layout(tmp_path / "layout"), "layout:test")
    create(small_contents(), [source], good.private, tmp_path / "again.bundle", NOW)

    assert (tmp_path / "again.bundle").read_bytes() == good.packed


def test_members_come_in_their_order(good: Good) -> None:
    names = [name for name, _ in good.members]
    documents = dict(good.members)

    assert names[:5] == ["bundle.json", "bundle.sig", "sbom.spdx.json", "oci-layout", "index.json"]
    pause, app = json.loads(documents["index.json"])["manifests"]
    assert names[5] == f"blobs/{pause['digest'].replace(':', '/')}"
    assert names.index(names[5]) < names.index(f"blobs/{app['digest'].replace(':', '/')}")


def test_the_upstream_digest_of_an_index_is_kept(good: Good, tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "layout")
    targets = {d["annotations"]["io.containerd.image.name"]: d["digest"] for d in layout.index()}

    assert {image.reference: image.target["digest"] for image in good.manifest.images} == targets
    assert [p.architecture for p in good.manifest.images[1].platforms] == [ARCHITECTURE]


def test_every_member_is_in_the_sbom(good: Good) -> None:
    members = dict(good.members)
    sbom = json.loads(members["sbom.spdx.json"])
    checksums = {c["checksumValue"] for p in sbom["packages"] for c in p.get("checksums", [])}
    identifiers = {package["SPDXID"] for package in sbom["packages"]} | {"SPDXRef-DOCUMENT"}

    assert checksums == {name.removeprefix("blobs/sha256/") for name in members if name.startswith("blobs/")}
    assert sbom["spdxVersion"] == "SPDX-2.3"
    assert {r["relatedSpdxElement"] for r in sbom["relationships"]} <= identifiers
    assert len(identifiers) == len(sbom["packages"]) + 1


def test_both_architectures_of_an_index(tmp_path: Path) -> None:
    source = LayoutSource(small_layout(tmp_path / "layout"), "test")
    manifest = create(small_contents(OTHER, architectures=("amd64", "arm64")), [source], None, tmp_path / "b", NOW)

    assert [p.architecture for p in manifest.images[0].platforms] == ["amd64", "arm64"]
    with verified(tmp_path / "b", UNSIGNED) as bundle:
        assert bundle.manifest == manifest


def test_manifests_of_one_name_become_an_index(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    platforms = [add_image(layout, [layer(name, 100)], name) for name in ("amd64", "arm64")]
    layout.set_index([named(platform, CRITICAL) for platform in platforms])
    wanted = small_contents(CRITICAL, architectures=("arm64", "amd64"))
    manifest = create(wanted, [LayoutSource(layout, "test")], None, tmp_path / "b", NOW)

    assert {p.manifest for p in manifest.images[0].platforms} == {platform["digest"] for platform in platforms}
    with verified(tmp_path / "b", UNSIGNED) as bundle:
        assert bundle.manifest.images[0].platform("arm64")


def test_everything_that_is_missing_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    source = LayoutSource(small_layout(tmp_path / "layout"), "layout:x")
    wanted = small_contents(CRITICAL, OTHER, "registry.example/none:1", architectures=("amd64", "s390x"))
    with pytest.raises(BootstrapError) as refused:
        create(wanted, [source], None, tmp_path / "b", NOW)

    assert refused.value.code == Exit.IMAGE
    assert refused.value.details == (
        f"{CRITICAL}: it is for amd64, not for amd64, s390x",
        f"{OTHER}: it is not there for s390x",
        "registry.example/none:1",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["layout"]


def test_each_image_is_taken_from_the_first_source_that_has_it(tmp_path: Path) -> None:
    first, second = Layout(tmp_path / "first"), LayoutSource(small_layout(tmp_path / "second"), "second")
    first.set_index([named(add_image(first, [layer("other pause", 100)]), CRITICAL)])
    origins = [LayoutSource(first, "first"), second]
    manifest = create(small_contents(), origins, None, tmp_path / "b", NOW)

    assert {image.reference: image.source for image in manifest.images} == {CRITICAL: "first", OTHER: "second"}
    with verified(tmp_path / "b", UNSIGNED) as bundle:
        assert bundle.manifest == manifest


def test_a_damaged_source_leaves_no_file(tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "layout")
    largest = max((tmp_path / "layout/blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"x")
    with pytest.raises(BootstrapError, match="other bytes"):
        create(small_contents(), [LayoutSource(layout, "test")], None, tmp_path / "b", NOW)

    assert [path.name for path in tmp_path.iterdir()] == ["layout"]


def seed_of(folder: Path, tree: Path) -> str:
    """A seed with one image of one layer, without that layer's blob; the image's manifest digest."""
    out = BytesIO()
    diff = write_layer(tree, out)
    layout = Layout(folder / "layout")
    described = add_image(layout, [out.getvalue()])
    (folder / CONTENT / "blobs").mkdir(parents=True)
    (folder / "layout/blobs/sha256").rename(folder / CONTENT / "blobs/sha256")
    (folder / CONTENT / "blobs/sha256" / diff.removeprefix("sha256:")).unlink()
    index = {
        "images": [{"names": [CRITICAL], "manifest": described["digest"], "layers": [diff]}],
        "layers": {diff: {"tree": tree.name, "size": len(out.getvalue())}},
    }
    (folder / "index.json").write_text(json.dumps(index))
    return str(described["digest"])


def test_layers_of_a_seed_are_made_again_from_their_trees(tmp_path: Path) -> None:
    tree = tmp_path / "seed/tree"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/pause").write_bytes(b"binary" * 1000)
    (tree / "bin").symlink_to("usr/bin")
    expected = seed_of(tmp_path / "seed", tree)
    manifest = create(small_contents(CRITICAL), [SeedSource(tmp_path / "seed")], None, tmp_path / "b", NOW)

    assert manifest.images[0].target["digest"] == expected
    with verified(tmp_path / "b", UNSIGNED) as bundle:
        blobs = {member.digest: b"".join(content) for member, content in bundle.blobs()}
    tars = [content for content in blobs.values() if not content.startswith(b"{")]
    assert all(digest(content) == name for name, content in blobs.items())
    with tarfile.open(fileobj=BytesIO(tars[0])) as archive:
        assert archive.getnames() == ["bin", "usr", "usr/bin", "usr/bin/pause"]


def test_a_seed_that_was_changed_is_noticed(tmp_path: Path) -> None:
    tree = tmp_path / "seed/tree"
    tree.mkdir(parents=True)
    (tree / "pause").write_bytes(b"binary")
    seed_of(tmp_path / "seed", tree)
    (tree / "pause").write_bytes(b"BINARY")

    with pytest.raises(BootstrapError, match="other bytes"):
        create(small_contents(CRITICAL), [SeedSource(tmp_path / "seed")], None, tmp_path / "b", NOW)
    with packed(SeedSource(tmp_path / "seed"), FAST) as source, pytest.raises(BootstrapError, match="other bytes"):
        create(small_contents(CRITICAL), [source], None, tmp_path / "b", NOW)


def test_layers_that_lie_open_are_packed_and_the_image_stays_the_same(tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "layout")
    plain, image = LayoutSource(layout, "docker"), small_contents(CRITICAL)
    as_it_is = create(image, [plain], None, tmp_path / "plain", NOW).images[0]
    with packed(plain, FAST) as source:
        small = create(image, [source], None, tmp_path / "small", NOW).images[0]
        other = source.target(OTHER)
    with verified(tmp_path / "small", UNSIGNED) as bundle:
        blobs = {member.digest: b"".join(content) for member, content in bundle.blobs()}
    config, (inside,) = (json.loads(blobs[small.target["digest"]])[name] for name in ("config", "layers"))

    assert small.platforms[0].config == as_it_is.platforms[0].config == config["digest"]
    assert inside["mediaType"].endswith(".tar+zstd")
    assert (
        digest(zstd.decompress(blobs[inside["digest"]])) == json.loads(blobs[config["digest"]])["rootfs"]["diff_ids"][0]
    )
    assert other == plain.target(OTHER), "an index keeps its digest"


def test_a_file_that_changes_after_its_proof_is_noticed(good: Good, tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_bytes(good.packed)
    with verified(path, Trust((good.public,))) as bundle:
        content = bytearray(good.packed)
        content[len(content) * 2 // 3] ^= 1
        with path.open("r+b") as file:
            file.write(content)
        with pytest.raises(BootstrapError, match="is refused") as refused:
            for _, pieces in bundle.blobs():
                for _ in pieces:
                    pass
    assert refused.value.code == Exit.IMAGE


def test_keys_are_private_and_never_overwritten(run: Callable[..., Any], tmp_path: Path) -> None:
    made = run("bundle", "keygen", tmp_path / "key")
    before = (tmp_path / "key").read_bytes()

    assert made.code == 0, made.errors
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert key_id((tmp_path / "key.pub").read_bytes()) in made.output
    again = run("bundle", "keygen", tmp_path / "key")
    assert again.code == 5
    assert "never overwritten" in again.errors
    assert (tmp_path / "key").read_bytes() == before


def test_inspect_shows_what_is_in_it(run: Callable[..., Any], good: Good) -> None:
    shown = run("bundle", "inspect", good.path, "-o", "json")

    assert shown.code == 0, shown.errors
    body = json.loads(shown.output)
    assert [image["reference"] for image in body["images"]] == [CRITICAL, OTHER]
    assert body["signature"]["keyId"] == key_id(good.public)
    assert "not checked" in run("bundle", "inspect", good.path).output


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--from", "nowhere"], 2),
        (["--from", "layout:"], 2),
        (["--from", "layout:/nonexistent"], 9),
        (["--from", "seed"], 9),
        (["--from", "seed", "--image", "UPPER/x"], 2),
        (["--from", "seed", "--key", "/nonexistent"], 2),
        (["--from", "seed", "--kubernetes-version", "v1.20.0"], 3),
    ],
)
def test_what_cannot_be_made_says_so(run: Callable[..., Any], tmp_path: Path, words: list[str], code: int) -> None:
    done = run("bundle", "create", "--file", tmp_path / "b", *words)

    assert done.code == code, done.errors
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_lacks_what_the_cluster_needs_fails_the_closure(
    run: Callable[..., Any], good: Good, public: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\ncni: none\n")
    config = tmp_path / "config.yaml"
    done = run("bundle", "verify", good.path, "--trusted-key", public, "--config", config)

    assert done.code == 9
    assert "lacks" in done.errors
    assert "kube-apiserver" in done.errors
