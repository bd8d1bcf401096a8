"""A node container's containerd root made from the seed in its image.

Linking it costs milliseconds where importing costs seconds: the two databases are copied, snapshots and blobs are
symbolic links into the image. Overlay mounts may have lower directories there; only what is written lies on the volume.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from pathlib import Path
from typing import IO

from bootstrap.host.fs.durable import fsync_directory
from bootstrap.host.fs.replace import replacing
from bootstrap.host.images.seed import CONTENT, METADATA, SNAPSHOTTER
from bootstrap.model.errors import BootstrapError, Exit

MARK = "bootstrap-seed"
"""In a linked root: which seed its links mean. Snapshot numbers of another image's seed hold other files."""


def link_seed(seed: Path, root: Path) -> int:
    """Make a containerd root use the seed's images; return how many links were made.

    A root that has a database is left alone (0): its images are its own, and it may know others by now. The database
    comes last, when all else is on the disk, so that an interrupted run is simply done again, after a power cut too.
    containerd must not be running.
    """
    if not (seed / METADATA).is_file():
        return 0
    identity = hashlib.sha256((seed / "index.json").read_bytes()).hexdigest()
    if (root / METADATA).exists():
        _check_mark(root, identity)
        return 0
    links = 0
    for folder in (f"{SNAPSHOTTER}/snapshots", f"{CONTENT}/blobs/sha256"):
        links += _link_entries(seed / folder, root / folder)
    (root / CONTENT / "ingest").mkdir(exist_ok=True)
    _write(root / MARK, io.BytesIO(f"{identity}\n".encode()), 0o644)
    _copy(seed / SNAPSHOTTER / "metadata.db", root / SNAPSHOTTER / "metadata.db")
    _copy(seed / METADATA, root / METADATA)
    return links


def _check_mark(root: Path, identity: str) -> None:
    """Refuse a volume whose links were made into another image's seed."""
    mark = root / MARK
    if mark.is_file() and mark.read_text().strip() != identity:
        raise BootstrapError(
            f"{root} belongs to another build of this image",
            code=Exit.CONFLICT,
            why="its volume comes from a container of that build, whose images it points into",
            fix=f"use that build again, or a new volume for {root} (images are then linked anew)",
        )


def _link_entries(source: Path, target: Path) -> int:
    """Link each entry of a folder; what is there already is replaced when it is a link."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = sorted(os.scandir(source), key=lambda entry: entry.name)
    for entry in entries:
        link = target / entry.name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(entry.path)
    fsync_directory(target)
    return len(entries)


def _copy(source: Path, target: Path) -> None:
    """Copy a database so that it is either there whole or not at all."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(source, "rb") as content:
        _write(target, content, 0o600)


def _write(target: Path, content: IO[bytes], mode: int) -> None:
    with replacing(target, mode) as file:
        shutil.copyfileobj(content, file)
