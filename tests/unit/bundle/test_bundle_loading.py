"""What is sent to a containerd, and in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Event
from typing import Any, cast

import pytest

from bootstrap.host.bundle.file import BundleFile
from bootstrap.host.runtime.ctr_import import Import, Sending
from bootstrap.model.errors import BootstrapError
from bootstrap.model.images.bundle import ArchiveMember, BundledImage, BundleManifest, PlatformImage
from bootstrap.model.images.oci import CONFIG, LAYER, MANIFEST
from bootstrap.model.images.reference import parse_reference
from bootstrap.render.bundle.loading import Group, groups, share_out


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


def planned(there: dict[str, str], blobs: set[str]) -> list[Group]:
    full = {name if name.startswith("sha256:") else str(parse_reference(name)): what for name, what in there.items()}
    found = groups(MANIFEST_OF_THREE, DOCUMENTS, "amd64", full)
    share_out(found, blobs)
    return found


def test_names_of_one_target_come_together() -> None:
    assert [group.references for group in planned({}, set())] == [["apiserver", "scheduler"], ["flannel"]]


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
    assert [g.references for g in planned({"apiserver": digest("a"), "flannel": digest("f")}, set())] == [["scheduler"]]
    assert [g.references for g in planned({"apiserver": digest("a"), "flannel": digest("0")}, set())] == [
        ["scheduler"],
        ["flannel"],
    ]


def test_the_same_configuration_in_another_manifest_will_do() -> None:
    by_cri = {digest("c"): digest("9")}
    assert [g.references for g in planned({"apiserver": digest("9"), **by_cri}, set())] == [["scheduler"], ["flannel"]]
    assert [g.references for g in planned(by_cri, set())] == [["apiserver", "scheduler"], ["flannel"]]


A, B = digest("d"), digest("e")
TAG, BY_A, BY_B = "r.example/x:1", f"r.example/x@{A}", f"r.example/x@{B}"


@pytest.mark.parametrize(
    ("images", "there", "names"),
    [
        ([(TAG, "d")], {}, [[TAG, BY_A]]),
        ([(f"{TAG}@{A}", "d")], {}, [[TAG, BY_A]]),
        ([(BY_A, "d")], {}, [[BY_A]]),
        ([(f"{TAG}@{A}", "d"), (TAG, "e")], {}, [[BY_A], [TAG, BY_B]]),
        ([(f"{TAG}@{A}", "d"), (TAG, "d")], {}, [[BY_A, TAG]]),
        ([(f"{TAG}@{A}", "d")], {TAG: A}, [[TAG, BY_A]]),
        ([(f"{TAG}@{A}", "d")], {BY_A: A}, []),
        ([(TAG, "d")], {TAG: A}, []),
        ([(TAG, "d")], {TAG: B}, [[TAG, BY_A]]),
        ([(f"{TAG}@{A}", "d")], {BY_A: B, digest("c"): B}, [[TAG, BY_A]]),
    ],
)
def test_an_image_is_known_by_its_tag_and_by_its_digest(
    images: list[tuple[str, str]], there: dict[str, str], names: list[list[str]]
) -> None:
    held = tuple(image(name, letter, "1") for name, letter in images)
    manifest = BundleManifest(("v1",), ("amd64",), "none", "", held, ())

    assert [group.names for group in groups(manifest, DOCUMENTS, "amd64", there)] == names


def test_another_architecture_has_nothing() -> None:
    assert groups(MANIFEST_OF_THREE, DOCUMENTS, "arm64", {}) == []


class Streams:
    """A bundle with its blobs in this order, and the imports that they went into."""

    def __init__(self, order: str) -> None:
        self.unread = [digest(letter) for letter in order]
        self.happened: list[tuple[str, str]] = []

    def blobs(self) -> Iterator[tuple[ArchiveMember, Iterator[bytes]]]:
        while self.unread:
            found = self.unread.pop(0)
            yield ArchiveMember(f"blobs/{found}", found, 1), iter([b"1"])

    def sending(self) -> Sending:
        def start(group: Group) -> Import:
            return cast(Import, Recorded(group.references[-1], self.happened))

        return Sending(cast(BundleFile, self), planned({}, set()), start)


class Recorded:
    """Stands for an import."""

    def __init__(self, name: str, happened: list[tuple[str, str]]) -> None:
        self._name = name
        self._happened = happened

    def add(self, member: ArchiveMember, content: Iterator[bytes]) -> None:
        self._happened.append((self._name, f"add {member.digest[-1]}"))

    def end(self, before: list[Future[None]]) -> None:
        for other in before:
            other.result()
        self._happened.append((self._name, "end"))

    def abort(self) -> None:
        self._happened.append((self._name, "abort"))


def test_a_part_is_usable_before_the_next_one_is_read() -> None:
    streams = Streams("ac12f3")
    with streams.sending() as sending:
        assert sending.part(["apiserver"], Event()) == ("apiserver",)
        assert streams.unread == [digest("f"), digest("3")]
        assert streams.happened[-1] == ("scheduler", "end")
        assert sending.part(["scheduler", "flannel"], Event()) == ("scheduler", "flannel")
    assert streams.happened[5:8] == [("flannel", "add f"), ("flannel", "add 3"), ("flannel", "end")]


def test_what_an_earlier_image_brings_is_waited_for() -> None:
    streams = Streams("f3ac12")
    with streams.sending() as sending:
        assert sending.part(["flannel"], Event()) == ("flannel",)
    ended = [name for name, what in streams.happened if what == "end"]
    assert ended == ["scheduler", "flannel"]


def test_a_part_breaks_off_between_two_blobs_when_the_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    over, streams, add = Event(), Streams("ac12f3"), Recorded.add

    def ending(self: Recorded, member: ArchiveMember, content: Iterator[bytes]) -> None:
        add(self, member, content)
        over.set()

    monkeypatch.setattr(Recorded, "add", ending)
    with pytest.raises(BootstrapError, match="broken off"), streams.sending() as sending:
        sending.part(["flannel"], over)
    assert [what.split()[0] for _, what in streams.happened] == ["add", "abort"]


def test_a_part_that_fails_leaves_no_import_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Recorded, "end", refused)
    streams = Streams("ac12f3")
    with pytest.raises(OSError, match="no space"), streams.sending() as sending:
        sending.part(["flannel"], Event())
    assert {name for name, what in streams.happened if what == "abort"} == {"scheduler", "flannel"}
