"""Archives of images: every form is read, for this platform, under all names; what cannot be used is said."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from pathlib import Path

import pytest

from bootstrap.host.bundle.zstd import zstd
from bootstrap.host.images.archive import unpack
from bootstrap.host.images.layout import Layout
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.image import Platform, Resolved
from bootstrap.workflows.images.load import for_platform
from tests import archives
from tests.registry.samples import Image, digest, make_image

AMD64 = Platform("amd64")
NAME = "docker.io/library/x:1"
BOTH = make_image("both")
AMD = make_image("amd", ["amd64"], indexed=False)
ARM = make_image("arm", ["arm64"], indexed=False)
ATTESTED = archives.attested("attested", "amd64")


def usable(archive: bytes, folder: Path, platform: Platform = AMD64) -> dict[str, Resolved]:
    layout = Layout(folder)
    found = for_platform(unpack(io.BytesIO(archive), layout), layout, platform)
    for _, image in found:
        assert all(layout.has(blob) for blob in (*image.documents, *(layer.digest for layer in image.layers)))
    return {str(name): image for name, image in found}


def saved(image: Image, name: str = NAME, more: dict[str, bytes] | None = None) -> bytes:
    return archives.layout([(name, image.top)], archives.contents(image), more or {})


@pytest.mark.parametrize(
    ("archive", "image"),
    [
        (saved(AMD), AMD),
        (saved(BOTH), BOTH),
        (saved(ATTESTED), ATTESTED),
        (archives.of_the_containerd_store(NAME, BOTH, "amd64"), BOTH),
        (saved(AMD, "", {"manifest.json": b'[{"RepoTags": ["x:1"]}]'}), AMD),
    ],
    ids=["a-manifest", "an-index", "with-attestation", "one-platforms-blobs", "named-in-manifest.json"],
)
def test_an_image_keeps_its_own_digest(archive: bytes, image: Image, tmp_path: Path) -> None:
    found = usable(archive, tmp_path)

    assert list(found) == [NAME]
    assert found[NAME].top.digest == image.top
    assert (found[NAME].manifest.digest, found[NAME].config.digest) == image.platforms["amd64"]


@pytest.mark.parametrize("packed", [False, True])
def test_an_old_archive_becomes_an_image_with_its_configuration(packed: bool, tmp_path: Path) -> None:
    found = usable(archives.of_an_old_docker(["x:1", "r.example/y:2"], BOTH, "amd64", packed), tmp_path)

    assert list(found) == [NAME, "r.example/y:2"]
    assert found[NAME].config.digest == BOTH.platforms["amd64"][1]
    assert [layer.media_type.rpartition(".")[2] for layer in found[NAME].layers] == [
        "tar+gzip" if packed else "tar"
    ] * 2
    again = usable(archives.of_an_old_docker(["x:1"], BOTH, "amd64", packed), tmp_path / "again")
    assert again[NAME] == found[NAME]


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, bz2.compress, lzma.compress])
def test_an_archive_may_be_packed(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    assert usable(pack(saved(AMD)), tmp_path)[NAME].top.digest == AMD.top


def test_of_several_platforms_under_one_name_the_right_one_is_taken(tmp_path: Path) -> None:
    blobs = archives.contents(ARM) | archives.contents(AMD)
    archive = archives.layout([(NAME, ARM.top), (NAME, AMD.top)], blobs, {})

    assert usable(archive, tmp_path)[NAME].top.digest == AMD.top
    assert usable(archive, tmp_path / "arm", Platform("arm64"))[NAME].top.digest == ARM.top


@pytest.mark.parametrize(
    ("archive", "what", "details"),
    [
        (saved(AMD, ""), "the archive has an image without a name", ""),
        (archives.of_an_old_docker([], AMD, "amd64"), "the archive has an image without a name", ""),
        (archives.layout([], {}, {}), "the archive has no image in it", ""),
        (saved(ARM), "1 of 1 images in the archive cannot be used here", "it is for linux/arm64, not for linux/amd64"),
        (archives.of_an_old_docker(["x:1"], ARM, "arm64"), "1 of 1 images", "it is for linux/arm64, not for"),
        (
            archives.layout([(NAME, AMD.top), ("y:1", ARM.top)], archives.contents(AMD) | archives.contents(ARM), {}),
            "1 of 2 images",
            "y:1: it is for linux/arm64",
        ),
        (archives.of_the_containerd_store(NAME, BOTH, "arm64"), "1 of 1", "it is for linux/arm64, not for linux/amd64"),
        (
            archives.layout([(NAME, AMD.top)], {d: b for d, b in archives.contents(AMD).items() if len(b) < 1000}, {}),
            "1 of 1",
            "it lacks 1 of 2 layers for linux/amd64",
        ),
        (saved(AMD, "X:1"), "1 of 1", '"library/X" is not the name of a repository'),
        (b"not a tar archive" * 100, "this is no archive of images", ""),
        (b"", "this is no archive of images", ""),
        (gzip.compress(saved(AMD))[:-2000], "this is no archive of images", ""),
        (saved(AMD)[:2000], "this is no archive of images", ""),
        (gzip.compress(b"x"), "this is no archive of images", ""),
        (archives.tar({"etc/passwd": b"x"}), "this is no archive of images", ""),
        (archives.tar({"index.json": b"[" * 100_000}), "this is no archive of images", ""),
        (archives.tar({"index.json": b'{"manifests": [{"digest": "x", "size": -1}]}'}), "this is no archive", ""),
        (archives.tar({"manifest.json": b'[{"Config": "none", "Layers": []}]'}), "this is no archive of images", ""),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "archive",
)
def test_what_cannot_be_used_is_said(archive: bytes, what: str, details: str, tmp_path: Path) -> None:
    with pytest.raises(BootstrapError) as caught:
        usable(archive, tmp_path)

    assert caught.value.code == Exit.IMAGE
    assert caught.value.what.startswith(what)
    assert details in "\n".join(caught.value.details)
    assert "ctr" not in str(caught.value.details)


def test_a_blob_with_other_bytes_is_refused(tmp_path: Path) -> None:
    blobs = archives.contents(AMD)
    layer = json.loads(blobs[AMD.top])["layers"][0]["digest"]
    with pytest.raises(BootstrapError) as caught:
        usable(archives.layout([(NAME, AMD.top)], {**blobs, layer: b"other"}, {}), tmp_path)

    assert caught.value.what == f"{layer} arrived as {digest(b'other')}"
