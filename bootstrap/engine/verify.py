"""After a reset: is everything that the journal names as it was before us?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bootstrap.engine import images, network
from bootstrap.engine.observe import before, mount_points
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.journal_entry import IMAGES, MODULE, NETWORK, PATH, SYSCTL, TREE, Entry


@dataclass
class Comparison:
    """`left` is ours and still there, or was altered and not restored; `others` changed without us."""

    left: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def compare(host: HostReader, entries: Sequence[Entry]) -> Comparison:
    """Compares every entry with the present state; the journal's own directory may hold the journal."""
    found = Comparison()
    for entry in entries:
        if entry.kind == NETWORK:
            _network(host, entry, found)
        elif entry.kind == IMAGES:
            _images(host, entry, found)
        elif entry.kind == TREE:
            _tree(host, entry, found)
        elif entry.kind == PATH:
            _path(host, entry, found)
        elif before(host, entry.kind, entry.name) != entry.before:
            if entry.kind == SYSCTL and entry.before is None:
                continue  # it came with a module
            if entry.kind == MODULE:
                found.others.append(f"module {entry.name} stays loaded: others may use it by now")
            else:
                found.left.append(f"{entry.kind} {entry.name} is not as it was")
    return found


def _network(host: HostReader, entry: Entry, found: Comparison) -> None:
    for name in network.added(host, entry):
        line = f"{entry.name}: {name}"
        (found.left if network.is_ours(entry.name, name) else found.others).append(line)


def _images(host: HostReader, entry: Entry, found: Comparison) -> None:
    for name in images.added(host, entry):
        (found.left if images.is_ours(name) else found.others).append(f"image {name} in {entry.name}")


def _tree(host: HostReader, entry: Entry, found: Comparison) -> None:
    now = host.listdir(entry.name)
    if entry.name == names.WORK_DIR:
        now = tuple(name for name in now if f"{entry.name}/{name}" != names.JOURNAL)
    elif entry.before is None and host.stat(entry.name):
        found.left.append(entry.name)
        return
    there = (entry.before or {"entries": ()})["entries"]
    found.left += [f"{entry.name}/{name}" for name in now if name not in there]
    if (entry.before or {}).get("mounted") is False and entry.name in mount_points(host):
        found.left.append(f"{entry.name} is mounted")
    found.others += [f"{entry.name}/{name} is not there any more" for name in there if name not in now]


def _path(host: HostReader, entry: Entry, found: Comparison) -> None:
    now = before(host, PATH, entry.name)
    if now == entry.before:
        return
    if entry.before is None and now and now["type"] == "dir" and host.listdir(entry.name):
        found.others.append(f"{entry.name} was made by us and holds files of others by now")
    else:
        found.left.append(entry.name)
