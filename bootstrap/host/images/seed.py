"""The images inside our own image: a containerd root that was filled when the image was built (the *seed*).

The seed has no layer blobs (see `bootstrap.host.layers`): containerd does not read those of an unpacked image.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SEED = Path("/usr/lib/bootstrap/seed")
"""Where the seed lies in the image. Its ``index.json`` names the images, their layers and each layer's tree."""

METADATA = "io.containerd.metadata.v1.bolt/meta.db"
SNAPSHOTTER = "io.containerd.snapshotter.v1.overlayfs"
CONTENT = "io.containerd.content.v1.content"


def seed_index(seed: Path) -> dict[str, Any]:
    """What is in it, as scripts/build_image.py wrote it."""
    index: dict[str, Any] = json.loads((seed / "index.json").read_text())
    return index


def seed_images(seed: Path = SEED) -> dict[str, str]:
    """Name → id (the configuration's digest) of each image of the seed, as CRI tells them."""
    return {name: image["config"] for image in seed_index(seed)["images"] for name in image["names"]}
