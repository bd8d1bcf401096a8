"""Images that we brought into a runtime of others."""

from __future__ import annotations

from bootstrap.engine.observe import before
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.journal_entry import IMAGES, Entry


def added(host: HostReader, entry: Entry) -> list[str]:
    """Names of images that were not there before us, ours and others'."""
    now = before(host, IMAGES, entry.name) or {"names": ()}
    then = (entry.before or {"names": ()})["names"]
    return [name for name in now["names"] if name not in then]


def ours_left(host: HostReader, entry: Entry) -> list[str]:
    return [name for name in added(host, entry) if is_ours(name)]


def is_ours(name: str) -> bool:
    return name.startswith(f"{names.BUILT_REPOSITORY}/")
