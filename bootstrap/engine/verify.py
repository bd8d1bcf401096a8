"""After a reset: is everything that the journal names as it was before us?"""

from __future__ import annotations

from collections.abc import Sequence

import bootstrap.engine.effects  # noqa: F401 - registers the kinds
from bootstrap.engine.records import Comparison, compare_entry
from bootstrap.host.port import HostReader
from bootstrap.model.journal_entry import PATH, TREE, Entry


def compare(host: HostReader, entries: Sequence[Entry]) -> Comparison:
    """Compares every entry with the present state; the journal's own directory may hold the journal."""
    found, trees = Comparison(), [entry for entry in entries if entry.kind == TREE and entry.is_understood]
    for entry in entries:
        if entry.before is not None and any(_goes_with(entry, tree) for tree in trees):
            continue
        if entry.is_understood:
            compare_entry(host, entry, found)
        else:
            found.left.append(f"{entry.kind} {entry.name}: this version of bootstrap cannot read what was before")
    return found


def _goes_with(entry: Entry, tree: Entry) -> bool:
    """A path that was made after the tree was noted, before our first change of it: the tree says that it goes."""
    below = entry.name.removeprefix(f"{tree.name}/")
    if entry.kind != PATH or below == entry.name:
        return False
    return below.partition("/")[0] not in (tree.before or {"entries": ()})["entries"]
