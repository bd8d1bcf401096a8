"""Images through their candidates in order: fallback, locks, and everything that was asked in the error."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bootstrap.host.images.layout import Layout
from bootstrap.host.registry.limits import Deadline, Limits
from bootstrap.host.registry.pull import LocatedImage, Search, fetch
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Transferred
from bootstrap.model.images.image import Platform
from bootstrap.model.images.lock import LockedImage, LockedPlatform
from bootstrap.model.images.mirrors import Server
from bootstrap.model.images.reference import parse_reference
from bootstrap.render.images.mirrors import Candidate, Route
from tests.registry.faults import Fault, FaultyProxy, cut, status, trickle, wrong_bytes
from tests.registry.samples import Image, digest, make_image, push
from tests.registry.servers import RegistryServer

QUICK = Limits(connect=2, stall=1, total=20, longest_wait=3, attempts=2, unreachable_attempts=1)
AMD64 = Platform("amd64")
NAME = parse_reference("upstream.example/team/app:1")


@pytest.fixture(scope="module")
def image(upstream: RegistryServer, mirror: RegistryServer) -> Image:
    made = make_image("pull", size=500_000)
    push(upstream, "team/app", "1", made)
    push(mirror, "flat/app", "1", made)
    return made


def at(host: str, repository: str = "team/app") -> Candidate:
    return Candidate(Server(host, plain_http=True), repository, "test", False, True)


def search(candidates: Sequence[Candidate], locked: LockedImage | None = None, total: float = 20) -> Search:
    return Search(NAME, Route(tuple(candidates)), AMD64, locked, QUICK, Deadline.after(total))


def brought(way: Search, folder: Path, events: list[Transferred] | None = None) -> LocatedImage:
    listen = events.append if events is not None else lambda event: None
    return fetch(way, way.next(), NAME, Layout(folder), listen)


def locked(image: Image) -> LockedImage:
    return LockedImage(image.top, {f"linux/{a}": LockedPlatform(*both) for a, both in image.platforms.items()})


def test_the_first_place_that_has_it_is_used_and_the_others_are_told(
    upstream: RegistryServer, mirror: RegistryServer, image: Image, tmp_path: Path
) -> None:
    events: list[Transferred] = []
    way = search([at("127.0.0.1:1"), at(mirror.host), at(mirror.host, "flat/app"), at(upstream.host)])
    found = brought(way, tmp_path, events)

    assert found.candidate == at(mirror.host, "flat/app")
    assert found.passed == (
        "127.0.0.1:1: refuses connections",
        f"{mirror.host}: does not have team/app/manifests/1: manifest unknown",
    )
    assert found.resolved.top.digest == image.top
    layout = Layout(tmp_path)
    assert all(layout.has(name) for name in (*found.resolved.documents, *(b.digest for b in found.resolved.layers)))
    assert events[-1].done == events[-1].total == found.resolved.size
    assert [e.done for e in events] == sorted(e.done for e in events)


def test_a_place_that_breaks_off_gives_way_to_the_next(
    proxy: FaultyProxy, mirror: RegistryServer, image: Image, tmp_path: Path
) -> None:
    large = [name for name, data in image.blobs.items() if len(data) > 100_000]
    proxy.faults = [Fault(f"GET .*/blobs/{name}", status(503), times=99) for name in large]
    found = brought(search([at(proxy.host), at(mirror.host, "flat/app")]), tmp_path)

    assert found.candidate.server.host == mirror.host
    assert found.passed == (f"{proxy.host}: answered 503 Service Unavailable",)


def test_wrong_bytes_once_are_fetched_again(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    layers = [name for name, data in image.blobs.items() if len(data) > 100_000]
    proxy.faults = [Fault(f"GET .*/blobs/{name}", wrong_bytes) for name in layers]
    events: list[Transferred] = []
    found = brought(search([at(proxy.host)]), tmp_path, events)

    assert all(Layout(tmp_path).has(layer.digest) for layer in found.resolved.layers)
    assert events[-1].done == found.resolved.size


def test_wrong_bytes_for_ever_are_refused_and_nothing_lands(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    layers = [name for name, data in image.blobs.items() if len(data) > 100_000]
    proxy.faults = [Fault(f"GET .*/blobs/{name}", wrong_bytes, times=99) for name in layers]
    with pytest.raises(BootstrapError) as caught:
        brought(search([at(proxy.host)]), tmp_path)

    assert caught.value.code == Exit.IMAGE
    assert not any(Layout(tmp_path).has(name) for name in layers)


def test_every_place_that_was_asked_is_in_the_error(upstream: RegistryServer, proxy: FaultyProxy, image: Image) -> None:
    proxy.faults = [Fault("GET", status(500), times=99)]
    route = Route((at("127.0.0.1:1"), at(proxy.host), at(upstream.host, "nothing")), "mirrors.offline is true")
    with pytest.raises(BootstrapError) as caught:
        Search(NAME, route, AMD64, None, QUICK, Deadline.after(20)).next()

    assert caught.value.code == Exit.EFFECT
    assert caught.value.details == (
        "127.0.0.1:1: refuses connections",
        f"{proxy.host}: answered 500 Internal Server Error",
        f"{upstream.host}: does not have nothing/manifests/1: manifest unknown",
        "upstream.example: not asked: mirrors.offline is true",
    )
    assert "images explain upstream.example/team/app:1" in caught.value.fix


def test_the_total_deadline_is_for_all_places_together(proxy: FaultyProxy, image: Image) -> None:
    proxy.faults = [Fault("GET", trickle(0.05), times=99)]
    began = time.monotonic()
    with pytest.raises(BootstrapError) as caught:
        search([at(proxy.host)] * 9, total=1.5).next()

    assert caught.value.code == Exit.WAIT
    assert 1.4 < time.monotonic() - began < 2.5
    assert len(proxy.seen) == 1


def test_an_image_with_a_locked_digest_arrives(upstream: RegistryServer, image: Image, tmp_path: Path) -> None:
    assert brought(search([at(upstream.host)], locked(image)), tmp_path).passed == ()


def test_a_mirror_with_another_image_under_the_tag_is_refused(
    mirror: RegistryServer, image: Image, tmp_path: Path
) -> None:
    other = make_image("swapped")
    push(mirror, "swapped/app", "1", other)
    with pytest.raises(BootstrapError) as caught:
        brought(search([at(mirror.host, "swapped/app")], locked(image)), tmp_path)

    assert caught.value.code == Exit.IMAGE
    assert other.platforms["amd64"][0] in caught.value.details[0]
    assert image.platforms["amd64"][0] in caught.value.details[0]
    assert list(tmp_path.iterdir()) == []


def test_after_a_mirror_with_another_image_the_right_one_is_still_found(
    upstream: RegistryServer, mirror: RegistryServer, image: Image, tmp_path: Path
) -> None:
    push(mirror, "swapped/app", "1", make_image("swapped"))
    found = brought(search([at(mirror.host, "swapped/app"), at(upstream.host)], locked(image)), tmp_path)

    assert found.candidate.server.host == upstream.host
    assert "locked is" in found.passed[0]


def test_a_mirror_with_fewer_platforms_has_the_same_image(mirror: RegistryServer, image: Image, tmp_path: Path) -> None:
    manifest = image.platforms["amd64"][0]
    body = image.manifests[manifest][1]
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": manifest,
        "size": len(body),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    index = json.dumps(
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    ).encode()
    manifests = {**image.manifests, digest(index): ("application/vnd.oci.image.index.v1+json", index)}
    push(mirror, "fewer/app", "1", Image(digest(index), manifests, image.blobs, image.platforms))

    assert brought(search([at(mirror.host, "fewer/app")], locked(image)), tmp_path).passed == ()


def test_a_platform_without_a_digest_in_the_lock_is_refused(upstream: RegistryServer, image: Image) -> None:
    with pytest.raises(BootstrapError) as caught:
        search([at(upstream.host)], LockedImage(image.top, {})).next()

    assert caught.value.code == Exit.IMAGE
    assert "no digest for linux/amd64" in caught.value.details[0]


def test_what_was_fetched_before_an_end_is_not_fetched_again(
    proxy: FaultyProxy, upstream: RegistryServer, image: Image, tmp_path: Path
) -> None:
    resolved = search([at(upstream.host)]).next().resolved
    first, second = resolved.layers
    proxy.faults = [Fault(f"GET .*/blobs/{second.digest}", status(404), times=99)]
    with pytest.raises(BootstrapError):
        brought(search([at(proxy.host)]), tmp_path)
    proxy.faults, proxy.seen = [Fault(f"GET .*/blobs/{second.digest}", cut(1000))], []
    brought(search([at(proxy.host)]), tmp_path)

    asked = [line.rsplit("/", 1)[1] for line, _, _ in proxy.seen if "/blobs/" in line]
    assert first.digest not in asked
    assert asked.count(second.digest) == 2
