"""`bootstrap images` as a user types it, against real registries (into folders: no node is needed)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.host.images.layout import Layout
from bootstrap.model.images.oci import IMAGE_NAME
from tests import archives
from tests.registry.faults import Fault, FaultyProxy, status
from tests.registry.samples import Image, make_image, push
from tests.registry.servers import PASSWORD, USER, Authority, RegistryServer

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from bootstrap.cli.main import main; sys.exit(main())"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
MINOR = {f"{name}:v1.36.3": name for name in CONTROL_PLANE} | {
    "coredns/coredns:v1.14.2": "coredns",
    "pause:3.10.2": "pause",
    "etcd:3.6.8-0": "etcd",
}
"""Images of registry.k8s.io for 1.36.3, and the seed of each."""
NO_CNI = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\ncni: none\n"


def bootstrap(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    argv = [sys.executable, "-c", MAIN, *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=120, check=False, env=env)


def must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def images(mirror: RegistryServer, upstream: RegistryServer) -> dict[str, Image]:
    """All images of a minor: on a flat mirror below team/k8s, and under their own names."""
    made = {}
    for name, seed in MINOR.items():
        made[name] = make_image(seed, size=20_000)
        repository, _, tag = name.partition(":")
        push(mirror, f"team/k8s/{repository.rsplit('/', 1)[-1]}", tag, made[name])
        push(upstream, repository, tag, made[name])
    return made


@pytest.fixture
def rules(tmp_path: Path, mirror: RegistryServer) -> Path:
    """A flat mirror and nothing else."""
    file = tmp_path / "mirrors.yaml"
    endpoint = {"server": mirror.host, "prefix": "team/k8s", "flatten": True, "plainHTTP": True}
    file.write_text(
        yaml.safe_dump({"offline": True, "registries": [{"registry": "registry.k8s.io", "endpoints": [endpoint]}]})
    )
    return file


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(NO_CNI)
    return file


@pytest.mark.parametrize("spelling", [["images"], ["config", "images"]])
def test_the_images_of_a_minor_are_listed(config: Path, spelling: list[str]) -> None:
    words = [*spelling, "list", "--config", str(config), "--kubernetes-version", "1.36"]

    assert must(bootstrap(*words)).split() == [f"registry.k8s.io/{name}" for name in MINOR]
    found = json.loads(must(bootstrap(*words, "-o", "json")))
    assert found["images"] == [f"registry.k8s.io/{name}" for name in MINOR]
    assert [entry["component"] for entry in found["details"]] == [*CONTROL_PLANE, "coredns", "pause", "etcd"]


def test_our_own_images_are_listed_with_those_they_stand_for() -> None:
    found = json.loads(must(bootstrap("images", "list", "-o", "json")))["details"]

    assert found[0]["image"].startswith("localhost/bootstrap/kube-apiserver:")
    assert found[0]["upstream"] == "registry.k8s.io/kube-apiserver:v1.37.0"
    assert found[-1]["component"] == "flannel"


def test_images_are_locked_and_listed_with_their_digests(
    images: dict[str, Image], rules: Path, config: Path, tmp_path: Path
) -> None:
    minor = ["--config", str(config), "--kubernetes-version", "1.36"]
    must(bootstrap("images", "lock", *minor, "--mirrors", str(rules), "--file", str(tmp_path / "lock")))
    lock = yaml.safe_load((tmp_path / "lock").read_text())
    name = "registry.k8s.io/coredns/coredns:v1.14.2"
    coredns = images["coredns/coredns:v1.14.2"]

    assert (lock["apiVersion"], lock["kind"]) == ("bootstrap/v1alpha1", "ImageLock")
    assert lock["images"][name]["digest"] == coredns.top
    assert lock["images"][name]["platforms"] == {
        f"linux/{a}": {"manifest": m, "config": c} for a, (m, c) in coredns.platforms.items()
    }
    listed = must(bootstrap("images", "list", *minor, "--lock", str(tmp_path / "lock"), "--arch", "arm64"))
    assert f"{name}@{coredns.top}\n    linux/arm64  {coredns.platforms['arm64'][0]}\n" in listed
    assert "linux/amd64" not in listed


def test_all_images_of_a_minor_come_through_a_flat_mirror_for_two_architectures(
    images: dict[str, Image], rules: Path, config: Path, tmp_path: Path
) -> None:
    words = ["--config", str(config), "--kubernetes-version", "1.36", "--mirrors", str(rules)]
    done = bootstrap("images", "pull", *words, "--arch", "amd64", "--arch", "arm64", "--to", str(tmp_path / "to"))
    must(done)
    layout = Layout(tmp_path / "to")
    index = {entry["annotations"][IMAGE_NAME]: entry["digest"] for entry in layout.index()}

    assert index == {f"registry.k8s.io/{name}": image.top for name, image in images.items()}
    assert all(layout.has(blob) for image in images.values() for blob in (*image.manifests, *image.blobs))
    assert re.search(r"registry.k8s.io/etcd:3.6.8-0  [\d.]+ of [\d.]+ MB from 127.0.0.1", done.stderr), done.stderr
    assert "\r" not in done.stderr


def test_a_bundle_is_made_through_a_flat_mirror_for_two_architectures(
    mirror: RegistryServer, rules: Path, tmp_path: Path
) -> None:
    """Of a configuration whose images are upstream's; one of the user's own lies on the mirror too."""
    push(mirror, "team/k8s/own", "1", own := make_image("own"))
    config = tmp_path / "upstream.yaml"
    config.write_text(
        NO_CNI + f"mirrors: {yaml.safe_load(rules.read_text())}\n---\napiVersion: kubeadm.k8s.io/v1beta4\n"
        "kind: ClusterConfiguration\nimageRepository: registry.k8s.io\nkubernetesVersion: v1.37.0\n"
    )
    for needed in must(bootstrap("images", "list", "--config", str(config))).split():
        repository, _, tag = needed.rpartition(":")
        push(mirror, f"team/k8s/{repository.rsplit('/', 1)[-1]}", tag, make_image(repository, size=20_000))
    pinned = [f"registry.k8s.io/own:1@{own.top}", f"registry.k8s.io/own@{own.top}"]
    named = [word for name in ("registry.k8s.io/own:1", *pinned) for word in ("--image", name)]
    words = ["--config", str(config), "--arch", "amd64,arm64", *named]
    file = str(tmp_path / "app.bundle")
    must(bootstrap("bundle", "create", "--from", "registry", *words, "--file", file))
    must(bootstrap("bundle", "verify", file, "--insecure-unsigned", "--config", str(config)))
    found = {i["reference"]: i for i in json.loads(must(bootstrap("bundle", "inspect", file, "-o", "json")))["images"]}

    assert {found[name]["target"]["digest"] for name in ("registry.k8s.io/own:1", *pinned)} == {own.top}
    assert {i["source"] for i in found.values()} == {"registry"}
    assert all([p["architecture"] for p in i["platforms"]] == ["amd64", "arm64"] for i in found.values())
    assert len(found) == len(MINOR) + 3


def test_a_bundle_of_what_no_mirror_has_is_not_made(rules: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(NO_CNI + f"mirrors: {yaml.safe_load(rules.read_text())}\n")
    file = tmp_path / "app.bundle"
    done = bootstrap("bundle", "create", "--from", "registry", "--config", str(config), "--file", str(file))

    assert done.returncode == 5, done.stdout + done.stderr
    assert "these images are part of the bootstrap image, no registry has them" in done.stderr
    assert not file.exists()


def test_what_a_registry_does_not_have_is_taken_from_the_next_source(
    mirror: RegistryServer, rules: Path, tmp_path: Path
) -> None:
    """The images of the default configuration are in no registry."""
    config = tmp_path / "config.yaml"
    config.write_text(NO_CNI + f"mirrors: {yaml.safe_load(rules.read_text())}\n")
    needed = must(bootstrap("images", "list", "--config", str(config))).split()
    layout, inside = Layout(tmp_path / "layout"), make_image("inside")
    for name, content in archives.contents(inside).items():
        layout.add(BytesIO(content), name)
    top = inside.manifests[inside.top]
    described = {"mediaType": top[0], "digest": inside.top, "size": len(top[1])}
    layout.set_index([{**described, "annotations": {IMAGE_NAME: name}} for name in needed])
    push(mirror, "team/k8s/next", "1", make_image("next"))
    words = ["--from", "registry", "--from", f"layout:{layout.path}", "--config", str(config), "--arch", "amd64"]
    file = str(tmp_path / "app.bundle")
    create = ("bundle", "create", *words, "--file", file)
    must(bootstrap(*create, "--image", "registry.k8s.io/next:1"))
    found = json.loads(must(bootstrap("bundle", "inspect", file, "-o", "json")))["images"]

    assert {image["source"] for image in found if image["reference"] in needed} == {f"layout:{layout.path}"}
    assert [image["source"] for image in found if image["reference"] not in needed] == ["registry"]

    lacking = bootstrap(*create, "--image", "registry.k8s.io/nothing:1")
    assert lacking.returncode == 9
    assert "registry.k8s.io/nothing:1: " in lacking.stderr
    assert "does not have team/k8s/nothing" in lacking.stderr


def test_an_image_is_pulled_by_its_digest_and_kept_under_its_tag_too(
    mirror: RegistryServer, rules: Path, tmp_path: Path
) -> None:
    push(mirror, "team/k8s/moved", "1", old := make_image("old"))
    push(mirror, "team/k8s/moved", "1", new := make_image("new"))
    name, to = "registry.k8s.io/moved", str(tmp_path / "to")
    words = ["images", "pull", "--mirrors", str(rules), "--arch", "amd64", "--to", to]
    must(bootstrap(*words, f"{name}:1@{old.top}"))
    assert index(to) == {f"{name}:1": old.top, f"{name}@{old.top}": old.top}
    must(bootstrap(*words, f"{name}:1", f"{name}:1@{old.top}"))
    assert index(to) == {f"{name}:1": new.top, f"{name}@{old.top}": old.top}


def index(folder: str) -> dict[str, str]:
    return {entry["annotations"][IMAGE_NAME]: entry["digest"] for entry in Layout(Path(folder)).index()}


def test_a_pull_that_cannot_be_complete_writes_nothing(
    images: dict[str, Image], rules: Path, config: Path, tmp_path: Path
) -> None:
    words = ["--mirrors", str(rules), "registry.k8s.io/pause:3.10.2", "registry.k8s.io/nothing:1"]
    done = bootstrap("images", "pull", *words, "--arch", "s390x", "--to", str(tmp_path / "to"))

    assert done.returncode == 5, done.stderr
    assert "has no linux/s390x; there is linux/amd64, linux/arm64" in done.stderr
    assert "not asked: mirrors.offline is true" in done.stderr
    assert not (tmp_path / "to").exists()


def test_a_locked_image_that_arrives_as_another_is_refused_with_9(
    images: dict[str, Image], mirror: RegistryServer, rules: Path, tmp_path: Path
) -> None:
    good = make_image("good")
    push(mirror, "team/k8s/moving", "1", good)
    name = "registry.k8s.io/moving:1"
    must(bootstrap("images", "lock", name, "--mirrors", str(rules), "--file", str(tmp_path / "lock")))
    words = [name, "--mirrors", str(rules), "--lock", str(tmp_path / "lock"), "--to", str(tmp_path / "to")]
    must(bootstrap("images", "pull", *words))
    push(mirror, "team/k8s/moving", "1", make_image("evil"))
    words[-1] = str(tmp_path / "other")
    done = bootstrap("images", "pull", *words)

    assert done.returncode == 9, done.stdout + done.stderr
    assert f"locked is {good.platforms['amd64'][0]}" in done.stderr
    assert not (tmp_path / "other").exists()


def test_a_second_pull_into_a_folder_adds_to_it(images: dict[str, Image], rules: Path, tmp_path: Path) -> None:
    for name in ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/etcd:3.6.8-0", "registry.k8s.io/pause:3.10.2"):
        must(bootstrap("images", "pull", name, "--mirrors", str(rules), "--to", str(tmp_path / "to")))
    names = [entry["annotations"][IMAGE_NAME] for entry in Layout(tmp_path / "to").index()]

    assert sorted(names) == ["registry.k8s.io/etcd:3.6.8-0", "registry.k8s.io/pause:3.10.2"]


def test_without_a_containerd_it_says_where_to_pull() -> None:
    done = bootstrap("images", "pull", "registry.k8s.io/pause:3.10.2", "--cri-socket", "unix:///nowhere/c.sock")

    assert done.returncode == 5
    assert "no containerd shows its images here" in done.stderr
    assert "--to DIR" in done.stderr


def test_a_folder_that_cannot_be_written_is_said(images: dict[str, Image], rules: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = ["registry.k8s.io/pause:3.10.2", "--mirrors", str(rules), "--to", str(tmp_path / "file" / "to")]
    done = bootstrap("images", "pull", *words)

    assert done.returncode == 5
    assert "cannot write below" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content", ["images: {}\n", "apiVersion: bootstrap/v1alpha1\nkind: ImageLock\nimages: {a: 1}\n", "{"]
)
def test_a_lock_file_that_is_not_one_is_refused_with_9(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    done = bootstrap("images", "list", "--lock", str(tmp_path / "lock"))

    assert done.returncode == 9
    assert "Traceback" not in done.stderr
    assert "images lock --file" in done.stderr


def test_an_image_that_is_not_in_the_lock_is_named(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("apiVersion: bootstrap/v1alpha1\nkind: ImageLock\nimages: {}\n")
    done = bootstrap("images", "pull", "registry.k8s.io/pause:3.10.2", "--lock", str(tmp_path / "lock"), "--to", "/x")

    assert done.returncode == 9
    assert "registry.k8s.io/pause:3.10.2" in done.stderr


@pytest.fixture
def full_rules(
    tmp_path: Path,
    mirror: RegistryServer,
    upstream: RegistryServer,
    basic: RegistryServer,
    tls: RegistryServer,
    authority: Authority,
    proxy: FaultyProxy,
) -> Iterator[Path]:
    """Every kind of place, the good ones last."""
    (tmp_path / "password").write_text(PASSWORD)
    proxy.faults = [Fault(".", status(429, Retry_After="60"), times=99)]
    login = {"username": USER, "passwordFile": str(tmp_path / "password")}
    endpoints: list[dict[str, Any]] = [
        {"server": "127.0.0.1:1", "plainHTTP": True},
        {"server": tls.host},
        {"server": tls.host, "caFile": str(authority.file)},
        {"server": basic.host, "plainHTTP": True, "credentials": login},
        {"server": basic.host, "plainHTTP": True, "prefix": "nobody"},
        {"server": proxy.host, "plainHTTP": True},
        {"server": mirror.host, "plainHTTP": True, "prefix": "team/k8s", "flatten": True},
        {"server": upstream.host, "plainHTTP": True},
    ]
    file = tmp_path / "full.yaml"
    rule = {"registry": "registry.k8s.io", "upstream": False, "endpoints": endpoints}
    file.write_text(yaml.safe_dump({"registries": [rule]}))
    yield file


def test_explain_says_what_every_place_answers_and_which_wins(images: dict[str, Image], full_rules: Path) -> None:
    name = "registry.k8s.io/coredns/coredns:v1.14.2"
    found = json.loads(must(bootstrap("images", "explain", name, "--mirrors", str(full_rules), "-o", "json")))
    (explained,) = found["images"]
    places = explained["candidates"]
    problems = [place["problem"] for place in places]

    assert explained["winner"] == 6
    assert [place["containerd"] for place in places] == [True] * 6 + [False, True]
    for problem, words in zip(
        problems,
        ("refuses", "not trusted; caFile", "does not have", "does not have", "wants credentials", "answered 429"),
        strict=False,
    ):
        assert words in problem
    assert problems[6:] == [None, None]
    assert places[6]["digest"] == places[7]["digest"] == images["coredns/coredns:v1.14.2"].top
    assert places[6]["milliseconds"] > 0
    assert places[0]["reachable"] is False
    assert "upstream: false" in explained["upstreamNotAsked"]
    assert any("flattening" in text for text in places[6]["hindrances"])


def test_explain_is_readable(images: dict[str, Image], full_rules: Path) -> None:
    text = must(bootstrap("images", "explain", "registry.k8s.io/coredns/coredns:v1.14.2", "--mirrors", str(full_rules)))

    assert re.search(r"✓ 7\. http://127.0.0.1:\d+/team/k8s/coredns   \(mirror 7 of registry.k8s.io: flattened", text)
    assert re.search(r"✗ 1\. http://127.0.0.1:1/coredns/coredns", text)
    assert "a pull uses 7: the first in order that has it" in text
    assert "brought in by `images pull`; containerd cannot say flattening" in text
    assert PASSWORD not in text


def test_explain_ends_with_5_when_no_place_has_it(images: dict[str, Image], rules: Path) -> None:
    done = bootstrap("images", "explain", "registry.k8s.io/nothing:1", "--mirrors", str(rules))

    assert done.returncode == 5
    assert "no place has it" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["images", "pull", "Not/An:Image", "--to", "/x"], 2, "is not an image"),
        (["images", "pull", "a/b", "--arch", "x86_64", "--to", "/x"], 2, "is not an architecture"),
        (["images", "pull", "a/b", "--arch", "s390x"], 2, "--to DIR"),
        (["images", "pull", "a/b", "--mirrors", "/nowhere"], 3, "/nowhere"),
        (["images", "list", "--kubernetes-version", "1.29"], 3, "1.35, 1.36, 1.37"),
    ],
)
def test_bad_input_is_one_clear_error(words: list[str], code: int, says: str) -> None:
    done = bootstrap(*words)

    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "next" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rule_file_with_problems_is_told_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text(
        "ofline: true\nregistries: [{registry: a.example, endpoints: [{server: 'http://x'}]}]\n"
    )
    done = bootstrap("images", "explain", "a.example/x:1", "--mirrors", str(tmp_path / "rules"))

    assert done.returncode == 3
    assert 'mirrors.ofline: unknown field; did you mean "offline"?' in done.stderr
    assert "mirrors.registries[0].endpoints[0].server: give HOST" in done.stderr
