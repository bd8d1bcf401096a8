"""What `make images-all` writes: an index a name, both platforms, binaries for their machine, always the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from _debian import asked_for

from bootstrap.host.images.layout import Layout
from bootstrap.model.images.image import ARCHITECTURES
from bootstrap.model.images.oci import BLOBS, IMAGE_NAME, INDEX, MANIFEST, REF_NAME
from tests.images.conftest import ROOT, build_images

MACHINES = {"amd64": 62, "arm64": 183}
"""EM_X86_64 and EM_AARCH64 of the ELF specification."""
PROGRAMS = {
    "kube-apiserver": ("usr/local/bin/kube-apiserver", "usr/sbin/nft", "usr/bin/sh"),
    "kube-controller-manager": ("usr/local/bin/kube-controller-manager",),
    "kube-scheduler": ("usr/local/bin/kube-scheduler",),
    "kube-proxy": ("usr/local/bin/kube-proxy", "usr/sbin/nft", "usr/sbin/iptables"),
    "etcd": ("usr/local/bin/etcd", "usr/local/bin/etcdctl", "usr/local/bin/etcdutl"),
    "coredns": ("coredns",),
    "pause": ("pause",),
    "flannel": ("opt/bin/flanneld", "usr/sbin/iptables-restore", "usr/bin/cp"),
}
READELF = ("readelf", "--dynamic", "--program-headers", "--wide")
IMAGE = os.environ.get("BOOTSTRAP_IMAGE", "bootstrap:v1.37.0")


def documents(layout: Layout) -> dict[str, dict[str, dict[str, Any]]]:
    """Name → architecture → manifest, with its configuration in place of the descriptor of it, and its digest."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in layout.index():
        children = json.loads(layout.read(entry["digest"]))["manifests"]
        for child in children:
            manifest = json.loads(layout.read(child["digest"]))
            manifest |= {"config": json.loads(layout.read(manifest["config"]["digest"])), "digest": child["digest"]}
            found.setdefault(entry["annotations"][IMAGE_NAME], {})[child["platform"]["architecture"]] = manifest
    return found


def expected() -> set[str]:
    catalog = yaml.safe_load((ROOT / "images/catalog.yaml").read_text())
    images = catalog["minors"][catalog["default"]]["images"].values()
    return {f"{catalog['repository']}/{image['name']}:{image['tag']}" for image in images}


def test_every_name_is_an_index_of_both_platforms(layout: Layout) -> None:
    index = layout.index()

    assert {entry["annotations"][IMAGE_NAME] for entry in index} == expected()
    for entry in index:
        assert entry["mediaType"] == INDEX
        assert entry["annotations"][IMAGE_NAME].endswith(f":{entry['annotations'][REF_NAME]}")
        listed = json.loads(layout.read(entry["digest"]))
        assert [(m["mediaType"], m["platform"]) for m in listed["manifests"]] == [
            (MANIFEST, {"architecture": architecture, "os": "linux"}) for architecture in MACHINES
        ]


def test_configurations_differ_in_architecture_and_layers_only(layout: Layout) -> None:
    for name, platforms in documents(layout).items():
        configs = {arch: dict(manifest["config"]) for arch, manifest in platforms.items()}
        for arch, config in configs.items():
            assert config.pop("architecture") == arch
            assert config.pop("rootfs")["diff_ids"] == [layer["digest"] for layer in platforms[arch]["layers"]]
        assert configs["amd64"] == configs["arm64"], name
        assert configs["arm64"]["config"]["Labels"]["org.opencontainers.image.version"]


def test_every_blob_is_what_its_name_says_and_used(layout: Layout) -> None:
    used = {entry["digest"] for entry in layout.index()}
    for entry in layout.index():
        for child in json.loads(layout.read(entry["digest"]))["manifests"]:
            manifest = json.loads(layout.read(child["digest"]))
            parts = (child, manifest["config"], *manifest["layers"])
            assert all(layout.size(part["digest"]) == part["size"] for part in parts)
            used |= {part["digest"] for part in parts}

    assert used == {f"sha256:{path.name}" for path in (layout.path / BLOBS).iterdir()}
    for digest in used:
        with layout.open(digest) as blob:
            assert hashlib.file_digest(blob, "sha256").hexdigest() == digest.removeprefix("sha256:")


@pytest.mark.parametrize("architecture", MACHINES)
def test_every_binary_is_for_its_machine(layout: Layout, architecture: str) -> None:
    for name, platforms in documents(layout).items():
        files: dict[str, str] = {}
        machines: dict[str, int] = {}
        for layer in platforms[architecture]["layers"]:
            with layout.open(layer["digest"]) as blob, tarfile.open(fileobj=blob) as archive:
                for member in archive:
                    files[member.name] = member.linkname
                    content = archive.extractfile(member) if member.isreg() else None
                    if content and (head := content.read(20)).startswith(b"\x7fELF"):
                        machines[member.name] = int.from_bytes(head[18:20], "little")
        wrong = {path: machine for path, machine in machines.items() if machine != MACHINES[architecture]}
        assert not wrong, f"{name}: {wrong}"
        for program in PROGRAMS[name.rpartition("/")[2].partition(":")[0]]:
            assert resolved(files, program) in machines, f"{name} has no {program}"
        dangling = [path for path, link in files.items() if link and resolved(files, path) not in files]
        assert not dangling, f"{name}: {dangling}"


@pytest.mark.parametrize("architecture", MACHINES)
def test_every_library_that_is_asked_for_is_there(layout: Layout, tmp_path: Path, architecture: str) -> None:
    for name, platforms in documents(layout).items():
        top = tmp_path / name.replace("/", "_")
        for layer in platforms[architecture]["layers"]:
            with layout.open(layer["digest"]) as blob, tarfile.open(fileobj=blob) as archive:
                archive.extractall(top, filter="data")
        there = {path.name for path in top.rglob("*")}
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink():
                listing = subprocess.run([*READELF, path], capture_output=True, text=True, check=False).stdout
                assert set(asked_for(listing)) <= there, f"{name}: {path}"
        shutil.rmtree(top)


def resolved(files: dict[str, str], path: str) -> str:
    """Where links lead that are relative to their own folder."""
    while files.get(path):
        path = os.path.normpath(Path(path).parent / files[path])
    return path


def test_those_for_this_machine_are_the_ones_inside_of_its_image(layout: Layout) -> None:
    command = ["docker", "run", "--rm", "--entrypoint", "cat", IMAGE, "/usr/lib/bootstrap/seed/index.json"]
    inside = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["images"]
    here = ARCHITECTURES[platform.machine()]

    assert {name: image["manifest"] for image in inside for name in image["names"]} == {
        name: platforms[here]["digest"] for name, platforms in documents(layout).items()
    }


def test_the_same_inputs_give_the_same_digests(layout: Layout, tmp_path: Path) -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bootstrap"
    (tmp_path / "cache/bootstrap").mkdir(parents=True)
    for inputs in ("components", "debian"):
        (tmp_path / "cache/bootstrap" / inputs).symlink_to(cache / inputs)
    again = Layout(build_images(tmp_path / "again", XDG_CACHE_HOME=str(tmp_path / "cache")))

    assert again.index() == layout.index()
