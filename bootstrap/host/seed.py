"""The images inside our own image: a containerd root that was filled when the image was built (the *seed*).

Linking it costs milliseconds where importing costs seconds: the two databases are copied, snapshots and blobs are
symbolic links into the image. Overlay mounts may have lower directories there; only what is written lies on the volume.
The seed has no layer blobs (see `bootstrap.host.layers`): containerd does not read those of an unpacked image.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

SEED = Path("/usr/lib/bootstrap/seed")
"""Where the seed lies in the image. Its ``index.json`` names the images, their layers and each layer's tree."""

METADATA = "io.containerd.metadata.v1.bolt/meta.db"
SNAPSHOTTER = "io.containerd.snapshotter.v1.overlayfs"
CONTENT = "io.containerd.content.v1.content"


def link_seed(seed: Path, root: Path) -> int:
    """Make a containerd root use the seed's images; return how many links were made.

    A root that has a database is left alone (0): its images are its own, and it may know others by now. The database
    comes last, so that an interrupted run is simply done again. containerd must not be running.
    """
    if (root / METADATA).exists() or not (seed / METADATA).is_file():
        return 0
    links = 0
    for folder in (f"{SNAPSHOTTER}/snapshots", f"{CONTENT}/blobs/sha256"):
        links += _link_entries(seed / folder, root / folder)
    (root / CONTENT / "ingest").mkdir(exist_ok=True)
    _copy(seed / SNAPSHOTTER / "metadata.db", root / SNAPSHOTTER / "metadata.db")
    _copy(seed / METADATA, root / METADATA)
    return links


def _link_entries(source: Path, target: Path) -> int:
    """Link each entry of a folder; what is there already is replaced when it is a link."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = sorted(os.scandir(source), key=lambda entry: entry.name)
    for entry in entries:
        link = target / entry.name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(entry.path)
    return len(entries)


def _copy(source: Path, target: Path) -> None:
    """Copy a database so that it is either there whole or not at all."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.chmod(0o600)
    partial.rename(target)
