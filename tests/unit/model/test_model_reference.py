"""References are read as every other tool reads them."""

from __future__ import annotations

import pytest

from bootstrap.model.images.image import Platform
from bootstrap.model.images.reference import Reference, parse_reference

SHA = "sha256:" + "ab" * 32

GOOD = {
    "pause": "docker.io/library/pause:latest",
    "flannel/flannel:v1": "docker.io/flannel/flannel:v1",
    "docker.io/busybox": "docker.io/library/busybox:latest",
    "index.docker.io/a/b:c": "docker.io/a/b:c",
    "localhost/bootstrap/etcd:3.7.0-0": "localhost/bootstrap/etcd:3.7.0-0",
    "localhost:5000/x": "localhost:5000/x:latest",
    "[::1]:5000/x/y:1": "[::1]:5000/x/y:1",
    "registry.k8s.io/coredns/coredns:v1.14.6": "registry.k8s.io/coredns/coredns:v1.14.6",
    f"registry.k8s.io/pause@{SHA}": f"registry.k8s.io/pause@{SHA}",
    f"registry.k8s.io/pause:3.10@{SHA}": f"registry.k8s.io/pause:3.10@{SHA}",
    "a__b/c-d.e_f": "docker.io/a__b/c-d.e_f:latest",
}
BAD = {
    "": "not the name of a repository",
    "Upper/case": "not the name of a repository",
    "registry.k8s.io/pause:": "not a tag",
    "registry.k8s.io/pause:a:b": "not a tag",
    "registry.k8s.io/../etc/passwd": "not the name of a repository",
    "registry.k8s.io/pause@sha256:../../etc/passwd": "not a digest",
    "registry.k8s.io/pause@sha512:" + "0" * 128: "not a digest",
    "registry.k8s.io/pause@": "not a digest",
    "user@host.example/x": "not a digest",
    "-a.example/x": "not a registry",
    "registry.k8s.io/": "not the name of a repository",
    "x/" * 200 + "y": "not the name of a repository",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_reference_is_made_complete(text: str) -> None:
    assert str(parse_reference(text)) == GOOD[text]


@pytest.mark.parametrize("text", GOOD)
def test_a_complete_reference_stays_as_it_is(text: str) -> None:
    whole = parse_reference(text)

    assert parse_reference(str(whole)) == whole


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_reference_is_refused_with_the_part_that_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=BAD[text]):
        parse_reference(text)


def test_a_digest_is_asked_for_before_a_tag() -> None:
    both = Reference("r.example", "x", "1", SHA)

    assert both.wanted == SHA
    assert str(both.tagged) == "r.example/x:1"


@pytest.mark.parametrize(
    ("wanted", "offered", "fits"),
    [
        (Platform("arm64"), Platform("arm64", variant="v8"), True),
        (Platform("arm", variant="v7"), Platform("arm", variant="v6"), False),
        (Platform("amd64"), Platform("arm64"), False),
        (Platform("amd64"), Platform("amd64", "windows"), False),
    ],
)
def test_platforms_fit_by_system_architecture_and_variant(wanted: Platform, offered: Platform, fits: bool) -> None:
    assert wanted.fits(offered) is fits
