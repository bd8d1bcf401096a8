"""What is sent to a containerd, and in which order."""

from __future__ import annotations

import json

from bootstrap.model.bundle import BundledImage, BundleManifest, PlatformImage
from bootstrap.model.oci import CONFIG, LAYER, MANIFEST
from bootstrap.render.loading import Group, groups, share_out


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


DOCUMENTS = {digest("c"): b'{"architecture":"amd64"}'}


def image(name: str, letter: str, *layers: str) -> BundledImage:
    """One image; its manifest has the digest of `letter`, its layers those of theirs."""
    config = {"mediaType": CONFIG, "digest": digest("c"), "size": 1}
    described = [{"mediaType": LAYER, "digest": digest(layer), "size": 1} for layer in layers]
    DOCUMENTS[digest(letter)] = json.dumps({"config": config, "layers": described}).encode()
    target = {"mediaType": MANIFEST, "digest": digest(letter), "size": 1}
    return BundledImage(name, "test", target, (PlatformImage("amd64", digest(letter), digest("c")),), critical=False)


MANIFEST_OF_THREE = BundleManifest(
    ("v1",),
    ("amd64",),
    "none",
    "",
    (image("apiserver", "a", "1", "2"), image("scheduler", "a", "1", "2"), image("flannel", "f", "1", "3")),
    (),
)


def planned(there: dict[str, str], blobs: set[str], only: set[str] | None = None) -> list[Group]:
    found = groups(MANIFEST_OF_THREE, DOCUMENTS, "amd64", there, only)
    share_out(found, blobs)
    return found


def test_names_of_one_target_come_together() -> None:
    assert [group.names for group in planned({}, set())] == [["apiserver", "scheduler"], ["flannel"]]


def test_a_shared_layer_is_sent_once_and_waited_for() -> None:
    first, second = planned({}, set())

    assert first.unsent == {digest(x) for x in "ac12"}
    assert second.unsent == {digest(x) for x in "f3"}
    assert first.needs == set()
    assert second.needs == {digest("a")}


def test_what_the_store_has_is_not_sent() -> None:
    first, second = planned({}, {digest("1"), digest("c")})

    assert first.unsent == {digest("a"), digest("2")}
    assert second.needs == set()


def test_names_that_mean_the_same_already_are_left_alone() -> None:
    assert [g.names for g in planned({"apiserver": digest("a"), "flannel": digest("f")}, set())] == [["scheduler"]]
    assert [g.names for g in planned({"flannel": digest("0")}, set(), {"flannel"})] == [["flannel"]]


def test_only_what_is_asked_for() -> None:
    assert [group.names for group in planned({}, set(), {"flannel"})] == [["flannel"]]
    assert planned({}, set(), set()) == []


def test_another_architecture_has_nothing() -> None:
    assert groups(MANIFEST_OF_THREE, DOCUMENTS, "arm64", {}) == []
