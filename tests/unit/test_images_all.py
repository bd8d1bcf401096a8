"""The pure parts of building for several architectures."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import _debian
import build_components
import build_images
import pytest
from _common import MACHINES, architecture, triplet
from _inner_images import INNER, inner_images
from build_image import INSIDE, ROOT

from bootstrap.model.images.oci import IMAGE_NAME, MANIFEST

OTHER = next(arch for arch in MACHINES if arch != architecture())
LISTING = """\
  INTERP         0x000238 0x0000000000000238 0x0000000000000238 0x00001b 0x00001b R   0x1
      [Requesting program interpreter: /lib/ld-linux-aarch64.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libnftables.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000e (SONAME)             Library soname: [libmine.so.1]
"""


def test_what_a_program_loads_is_read_from_its_headers() -> None:
    assert _debian.asked_for(LISTING) == ["ld-linux-aarch64.so.1", "libnftables.so.1", "libc.so.6"]
    assert _debian.asked_for("There is no dynamic section in this file.") == []


def test_libraries_are_followed_to_the_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {
        "usr/sbin/nft": "interpreter: /lib/ld-linux-aarch64.so.1]\n(NEEDED)  Shared library: [liba.so.1]",
        "usr/lib/aarch64-linux-gnu/liba.so.1": "(NEEDED)  Shared library: [libc.so.6]",
        "usr/lib/aarch64-linux-gnu/libc.so.6": "(NEEDED)  Shared library: [ld-linux-aarch64.so.1]",
        "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1": "",
        "usr/lib/ld-linux-aarch64.so.1": "",
    }
    for path in asked:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    says = {str(tmp_path / path): text.replace("interpreter:", "program interpreter:") for path, text in asked.items()}
    monkeypatch.setattr(_debian, "ensure_packages", lambda *names, probe: None)
    monkeypatch.setattr(_debian, "run", lambda *command: says[str(command[-1])])
    found = _debian.loaded(tmp_path, ["usr/sbin/nft"], "arm64")

    assert set(found) == set(asked) - {"usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"}
    assert len(found) == 4
    says[str(tmp_path / "usr/sbin/nft")] = "(NEEDED)  Shared library: [libnone.so.1]"
    with pytest.raises(SystemExit, match=r"libnone\.so\.1"):
        _debian.loaded(tmp_path, ["usr/sbin/nft"], "arm64")


def test_a_recipe_for_another_machine_names_files_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    xtables = tmp_path / "usr/lib/aarch64-linux-gnu/xtables"
    xtables.mkdir(parents=True)
    (xtables / "libxt_CT.so").touch()
    (xtables / "libxt_NOTRACK.so").symlink_to("libxt_CT.so")
    monkeypatch.setattr(_debian, "loaded", lambda root, programs, arch: programs)
    recipe = inner_images("arm64")["trees"]["net"]
    made = _debian.without_running(recipe, tmp_path, "arm64", {})

    assert not {"programs", "folders"} & set(made)
    assert made["files"]["root/usr/sbin/nft"] == "usr/sbin/nft"
    assert made["files"]["/etc/protocols"] == "etc/protocols"
    assert made["files"]["root/usr/lib/aarch64-linux-gnu/xtables/libxt_CT.so"]
    assert made["links"]["usr/lib/aarch64-linux-gnu/xtables/libxt_NOTRACK.so"] == "libxt_CT.so"
    assert made["links"]["usr/bin/sh"] == "dash"
    assert made["empty"] == recipe["empty"]
    assert "programs" in recipe


def test_trees_differ_between_architectures_where_they_must_only() -> None:
    amd64, arm64 = inner_images("amd64"), inner_images("arm64")

    assert (amd64["architecture"], arm64["architecture"]) == ("amd64", "arm64")
    assert amd64["images"] == arm64["images"]
    assert {tree for tree in amd64["trees"] if amd64["trees"][tree] != arm64["trees"][tree]} == {"net"}
    assert arm64["trees"]["net"]["folders"] == ["/usr/lib/aarch64-linux-gnu/xtables"]
    assert set(amd64["trees"]["net"]["merged"]) - set(arm64["trees"]["net"]["merged"]) == {"lib64"}
    assert {tree for image in amd64["images"] for tree in image["trees"]} == {*INNER, "net", "keepalived"}


def test_a_tree_beside_another_repeats_nothing_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needed = {"usr/sbin/nft": ["libc", "libnftnl"], "usr/sbin/keepalived": ["libc", "libnftnl", "libnl"]}

    def loaded(root: Path, programs: list[str], arch: str) -> list[str]:
        return [*programs, *dict.fromkeys(lib for program in programs for lib in needed[program])]

    monkeypatch.setattr(_debian, "loaded", loaded)
    trees = {"net": {"programs": ["/usr/sbin/nft"]}}
    recipe = {"beside": "net", "programs": ["/usr/sbin/keepalived"], "links": {"usr/bin/genhash": "there"}}

    made = _debian.without_running(recipe, tmp_path, "amd64", trees)
    assert made == {
        "files": {"root/usr/sbin/keepalived": "usr/sbin/keepalived", "root/libnl": "libnl"},
        "links": {"usr/bin/genhash": "there"},
    }


def test_c_is_compiled_by_the_machine_s_compiler_or_the_one_for_the_other() -> None:
    assert build_components.c_command({}, architecture())[0] == "gcc"
    assert build_components.c_command({}, OTHER) == [
        f"{triplet(OTHER)}-gcc",
        *build_components.c_command({}, architecture())[1:],
    ]


def test_go_is_told_the_architecture_and_its_compiler() -> None:
    cgo = build_components.go_environment({"kind": "go-cgo"}, OTHER)
    plain = build_components.go_environment({"kind": "go"}, OTHER)

    assert (cgo["GOARCH"], cgo["CGO_ENABLED"], cgo["CC"]) == (OTHER, "1", f"{triplet(OTHER)}-gcc")
    assert (plain["GOARCH"], plain["CGO_ENABLED"]) == (OTHER, "0")


def manifest(name: str, arch: str) -> dict[str, object]:
    digest = f"sha256:{arch.encode().hex():0>64}"
    return {
        "mediaType": MANIFEST,
        "digest": digest,
        "size": 7,
        "platform": {"architecture": arch, "os": "linux"},
        "annotations": {IMAGE_NAME: name},
    }


def test_manifests_of_one_name_become_an_index_of_platforms() -> None:
    names = ["localhost/bootstrap/etcd:1", "localhost/bootstrap/pause:2"]
    parts = [[manifest(name, arch) for name in names] for arch in ("amd64", "arm64")]
    entries, documents = build_images.joined(parts)

    assert [entry["annotations"][IMAGE_NAME] for entry in entries] == names
    assert [entry["size"] for entry in entries] == [len(content) for content in documents]
    platforms = [(m["platform"]["architecture"], "annotations" in m) for m in json.loads(documents[0])["manifests"]]
    assert platforms == [("amd64", False), ("arm64", False)]
    assert build_images.joined(parts) == (entries, documents)


def test_what_makes_the_images_inside_needs_no_more_of_the_program_than_it_is_given() -> None:
    """It runs where nothing but these modules is."""
    given = {*INSIDE[1:], ROOT / "bootstrap/model/errors.py"}
    for path in INSIDE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bootstrap."):
                assert ROOT / f"{str(node.module).replace('.', '/')}.py" in given
