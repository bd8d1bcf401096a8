"""The journal: each thing's state is noted, durably, before its first change. Reset restores what it says.

One JSON object a line, 0600, the first one with the format. A line that a crash cut short is ignored: its change was
not made yet. Fields and kinds that a later version has added are read over, and stay.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.engine.records import observe
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import FORMAT, PATH, TREE, Entry, parsed_entry

_HEAD = json.dumps({"format": FORMAT, "version": names.KUBERNETES_VERSION}).encode()


def read_journal(host: HostReader) -> tuple[Entry, ...]:
    """Every entry, in the order of the changes; empty when nothing was ever changed here.

    Raises BootstrapError (exit 8) when a version with another format wrote it.
    """
    values = [_parsed(line) for line in (host.read(names.JOURNAL) or b"").split(b"\n")]
    for value in values:
        if isinstance(value, Mapping) and isinstance(value.get("format"), int) and value["format"] > FORMAT:
            raise _of_another_version(value)
    return tuple(entry for value in values if (entry := parsed_entry(value)))


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _of_another_version(head: Mapping[str, Any]) -> BootstrapError:
    return BootstrapError(
        f"{names.JOURNAL} has format {head['format']}, and this version reads {FORMAT}",
        code=Exit.CONFLICT,
        why=f"bootstrap {head.get('version', 'of a later version')} changed this machine",
        fix="run the same command with the image of that version",
    )


def begun(entries: Iterable[Entry]) -> frozenset[str]:
    """Paths that were not there before a run of ours set out to make them."""
    return frozenset(entry.name for entry in entries if entry.kind == PATH and entry.before is None)


def sweep(host: Host) -> None:
    """A run that is killed before its first note is whole, or after all were forgotten, leaves a place for notes."""
    lines = (host.read(names.JOURNAL) or b"").strip().splitlines()
    torn = [line for line in lines if line != _HEAD]
    if len(torn) <= 1 and not read_journal(host):
        host.remove(names.JOURNAL)
        host.remove_empty(names.WORK_DIR)


class Journal:
    """Notes what is about to change, and for which verb; safe to use from several threads.

    Without `records` nothing is noted.
    """

    def __init__(self, host: Host, verb: str, *, records: bool = True) -> None:
        self._host = host
        self._verb = verb
        self._records = records
        self._lock = threading.Lock()
        self._known = {(entry.kind, entry.name) for entry in read_journal(host)}

    def note(self, kind: str, name: str, *, itself: bool = False) -> None:
        """Called before `name` is changed. A path's missing parents are noted first: they will be made with it.

        What is behind a link is what changes, unless the change is of the link `itself`.
        """
        if not self._records:
            return
        with self._lock:
            if kind in (PATH, TREE) and not itself:
                name = self._behind(name)
            parents = self._missing_parents(name) if kind in (PATH, TREE) else ()
            changed = [(TREE, names.WORK_DIR)] if not self._known else []  # the journal's own directory is the first
            changed += [*((PATH, parent) for parent in parents), (kind, name)]
            wanted = [item for item in dict.fromkeys(changed) if item not in self._known]
            if not wanted:
                return
            if not self._known:
                sweep(self._host)
            entries = [Entry(*item, observe(self._host, *item), self._verb) for item in wanted]
            self._host.mkdir(names.WORK_DIR, 0o755)
            head = b"" if self._host.stat(names.JOURNAL) else _HEAD
            self._host.append(names.JOURNAL, head + _lines(entries), 0o600)
            self._known.update(wanted)

    def _behind(self, path: str) -> str:
        return path if self._host.readlink(path) is None else self._host.resolve(path)

    def _missing_parents(self, path: str) -> Iterable[str]:
        parts = path.split("/")[1:-1]
        parents = ["/" + "/".join(parts[: i + 1]) for i in range(len(parts))]
        missing = [parent for parent in parents if self._host.stat(parent) is None]
        return [self._behind(parent) for parent in missing]


def _lines(entries: Iterable[Entry]) -> bytes:
    """Begins with a newline, so that a line cut short by a crash spoils no other."""
    return b"".join(b"\n" + json.dumps(entry.to_dict(), sort_keys=True).encode() for entry in entries) + b"\n"
