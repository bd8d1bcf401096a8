"""Files of our own image on their way to a host."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bootstrap.host.images.seed import CONTENT, METADATA, SNAPSHOTTER
from bootstrap.host.port import Host


def file_digest(path: str) -> str:
    """sha256 of a file of our own image, in hexadecimal."""
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def copy_seed(seed: Path, host: Host, root: str) -> None:
    """Put the seed's images into a containerd root on a host, which cannot link into this container.

    The database comes last: an interrupted copy is done again. containerd must not be running.
    """
    for folder in (f"{SNAPSHOTTER}/snapshots", f"{CONTENT}/blobs/sha256"):
        host.install_tree(str(seed / folder), f"{root}/{folder}")
    host.mkdir(f"{root}/{CONTENT}/ingest", 0o755)
    for database in (f"{SNAPSHOTTER}/metadata.db", METADATA):
        host.mkdir(f"{root}/{database}".rpartition("/")[0], 0o700)
        host.install(str(seed / database), f"{root}/{database}", 0o600)
