"""The images inside our image, brought into a containerd that is not ours: as an archive, through its own API."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from bootstrap.host.cri import reached
from bootstrap.host.layers import write_layer
from bootstrap.host.port import Host
from bootstrap.host.seed import CONTENT, SEED
from bootstrap.model.errors import BootstrapError, Exit

NAMESPACE = "k8s.io"
"""Where containerd's CRI part looks for images."""
PINNED = "io.cri-containerd.pinned=pinned"
"""The kubelet's garbage collection leaves such images alone."""
IMPORT_TIMEOUT = 600.0
BLOBS = "blobs/sha256"


def seed_images(seed: Path = SEED) -> dict[str, str]:
    """Name → id (the configuration's digest) of each image of the seed, as CRI tells them."""
    return {name: image["config"] for image in _index(seed)["images"] for name in image["names"]}


def import_seed(host: Host, socket: str, seed: Path = SEED) -> None:
    """Import and pin all images of the seed. Raises BootstrapError (exit 5, 9)."""
    command = ["ctr", f"--address={reached(socket)}", f"--namespace={NAMESPACE}", "images", "import"]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "images.tar")
        write_archive(seed, archive)
        host.run([*command, "--local", f"--label={PINNED}", str(archive)], timeout=IMPORT_TIMEOUT, here=True)


def write_archive(seed: Path, target: Path) -> None:
    """An OCI image layout in one tar (image-spec: image-layout.md); layers are made again from their trees."""
    index, manifests = _index(seed), []
    with tarfile.open(target, "w") as archive:
        for digest, layer in index["layers"].items():
            with tempfile.TemporaryFile(dir=target.parent) as content:
                made = write_layer(seed / layer["tree"], content)
                if made != digest:
                    raise BootstrapError(
                        f"layer {digest} of the images inside gives {made}",
                        code=Exit.IMAGE,
                        why="files of this image were changed",
                        fix="run an image that nobody changed",
                    )
                content.seek(0)
                archive.addfile(_member(_blob(digest), layer["size"]), content)
        for image in index["images"]:
            for digest in (image["config"], image["manifest"]):
                document = (seed / CONTENT / _blob(digest)).read_bytes()
                archive.addfile(_member(_blob(digest), len(document)), io.BytesIO(document))
            manifest = {
                "mediaType": json.loads(document)["mediaType"],
                "digest": image["manifest"],
                "size": len(document),
            }
            manifests += [{**manifest, "annotations": {"io.containerd.image.name": name}} for name in image["names"]]
        for name, body in (
            ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
            ("index.json", {"schemaVersion": 2, "manifests": manifests}),
        ):
            text = json.dumps(body).encode()
            archive.addfile(_member(name, len(text)), io.BytesIO(text))


def _index(seed: Path) -> dict[str, Any]:
    index: dict[str, Any] = json.loads((seed / "index.json").read_text())
    return index


def _blob(digest: str) -> str:
    return f"{BLOBS}/{digest.removeprefix('sha256:')}"


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member
