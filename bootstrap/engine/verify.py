"""After a reset: is everything that the journal names as it was before us?"""

from __future__ import annotations

from collections.abc import Sequence

import bootstrap.engine.effects  # noqa: F401 - registers the kinds
from bootstrap.engine.records import Comparison, compare_entry
from bootstrap.host.port import HostReader
from bootstrap.model.journal_entry import Entry


def compare(host: HostReader, entries: Sequence[Entry]) -> Comparison:
    """Compares every entry with the present state; the journal's own directory may hold the journal."""
    found = Comparison()
    for entry in entries:
        if entry.is_understood:
            compare_entry(host, entry, found)
        else:
            found.left.append(f"{entry.kind} {entry.name}: this version of bootstrap cannot read what was before")
    return found
