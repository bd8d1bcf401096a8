"""Room for what is on its way, in our own container, and gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A new folder on a disk: /tmp may be memory."""
    with tempfile.TemporaryDirectory(prefix=f"bootstrap-{purpose}-", dir="/var/tmp") as name:
        yield Path(name)
