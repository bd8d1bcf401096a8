"""The archive of the images inside, made from a seed: the same bytes that the seed was made from."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.images.layers import layer_digest
from bootstrap.host.images.seed import CONTENT, seed_images
from bootstrap.host.images.seed_import import import_seed, write_archive
from bootstrap.host.live import LiveHost
from bootstrap.host.runtime.cri import crictl, image_ids
from bootstrap.model.errors import BootstrapError, Exit
from tests.memory import MemoryHost

NAMES = ["localhost/bootstrap/a:1", "localhost/bootstrap/b:1"]


def stored(seed: Path, document: dict[str, Any]) -> str:
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    (seed / CONTENT / "blobs/sha256" / digest).write_bytes(content)
    return f"sha256:{digest}"


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """Two names of one image, of one layer."""
    root = tmp_path / "seed"
    (root / CONTENT / "blobs/sha256").mkdir(parents=True)
    (root / "tree/bin").mkdir(parents=True)
    (root / "tree/bin/a").write_bytes(b"program")
    digest, size = layer_digest(root / "tree")
    config = stored(root, {"os": "linux"})
    manifest = stored(root, {"mediaType": "application/vnd.oci.image.manifest.v1+json"})
    index = {
        "images": [{"names": NAMES, "config": config, "manifest": manifest, "layers": [digest]}],
        "layers": {digest: {"tree": "tree", "size": size}},
    }
    (root / "index.json").write_text(json.dumps(index))
    return root


def test_each_name_has_the_id_that_cri_tells(seed: Path) -> None:
    index = json.loads((seed / "index.json").read_text())

    assert seed_images(seed) == dict.fromkeys(NAMES, index["images"][0]["config"])


def test_the_archive_is_a_layout_whose_blobs_have_their_digests(seed: Path, tmp_path: Path) -> None:
    write_archive(seed, tmp_path / "images.tar")

    with tarfile.open(tmp_path / "images.tar") as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/")}
    assert len(blobs) == 3
    assert all(name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}" for name, content in blobs.items())
    index = json.loads(files["index.json"])
    assert [m["annotations"]["io.containerd.image.name"] for m in index["manifests"]] == NAMES
    assert all(m["size"] == len(files[f"blobs/sha256/{m['digest'][7:]}"]) for m in index["manifests"])
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}


def test_a_tree_that_was_changed_is_refused(seed: Path, tmp_path: Path) -> None:
    (seed / "tree/bin/a").write_bytes(b"another")

    with pytest.raises(BootstrapError) as caught:
        write_archive(seed, tmp_path / "images.tar")
    assert caught.value.code == Exit.IMAGE


def test_the_import_goes_to_the_hosts_socket_with_our_own_ctr(seed: Path) -> None:
    host = MemoryHost()
    import_seed(host, "unix:///var/run/containerd/containerd.sock", seed)

    command = host.log[0].split()
    assert command[:4] == [
        "ctr",
        "--address=/var/run/containerd/containerd.sock",
        "--namespace=k8s.io",
        "images",
    ]
    assert not Path(command[-1]).exists()


@pytest.mark.parametrize("socket", ["unix:///var/run/x.sock", "/run/x.sock", "/srv/../../run/x.sock", "/l/x.sock"])
def test_a_socket_of_the_host_is_looked_for_below_its_root_whatever_links_say(tmp_path: Path, socket: str) -> None:
    for folder in ("run", "var", "srv"):
        (tmp_path / folder).mkdir()
    (tmp_path / "var" / "run").symlink_to("/run")
    (tmp_path / "l").symlink_to("/var/run")

    expected = f"--runtime-endpoint=unix://{tmp_path}/run/x.sock"
    assert crictl(LiveHost(str(tmp_path)), socket)[1] == expected


def test_images_are_told_by_name_and_nameless_ones_left_out() -> None:
    shown = {"images": [{"id": "sha256:1", "repoTags": ["a:1", "b:1"]}, {"id": "sha256:2", "repoTags": None}]}

    host = MemoryHost()
    assert image_ids(host, "unix:///x") is None
    host.outputs["crictl --runtime-endpoint=unix:///x images --output=json"] = json.dumps(shown)
    assert image_ids(host, "unix:///x") == {"a:1": "sha256:1", "b:1": "sha256:1"}
