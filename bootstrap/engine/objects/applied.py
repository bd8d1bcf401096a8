"""What was applied here last: objects by their path, as a digest of what we said, not of what became of it.

Who edits an object that we made keeps what is edited, until we have something else to say; and what was there before
us is not ours to remove.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.engine.journal import Journal
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.journal_entry import PATH


@dataclass(frozen=True)
class _Record:
    digest: str
    made: bool


class Applied:
    """Safe to use from several threads."""

    def __init__(self, host: HostReader) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._before: dict[str, _Record] | None = None
        self._now: dict[str, _Record | None] = {}

    def says_something_new(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether another body was applied here last; False where that is not known."""
        with self._lock:
            known = self._read().get(path)
            return known is not None and known.digest != _digest(body)

    def made(self, path: str) -> bool | None:
        """Whether the object was not there before us; None where that is not known."""
        with self._lock:
            known = self._read().get(path)
            return known.made if known else None

    def note(self, path: str, body: Mapping[str, Any], *, made: bool) -> None:
        """`made` counts where it is not known yet."""
        with self._lock:
            known = self._now.get(path) or self._read().get(path)
            self._now[path] = _Record(_digest(body), known.made if known else made)

    def forget(self, path: str) -> None:
        with self._lock:
            self._now[path] = None

    def save(self, host: Host, journal: Journal) -> None:
        """Once at the end of a run: a run that dies before has said nothing new to the next one."""
        with self._lock:
            merged = {**self._read(), **self._now} if self._now else {}
            now = {path: record for path, record in merged.items() if record}
            if self._now and now != self._before and host.stat(names.STATE_DIR):
                journal.note(PATH, names.APPLIED)
                document = {path: asdict(record) for path, record in now.items()}
                host.write(names.APPLIED, json.dumps(document, indent=1, sort_keys=True).encode(), 0o600)

    def _read(self) -> dict[str, _Record]:
        if self._before is None:
            try:
                found = json.loads(self._host.read(names.APPLIED) or b"{}")
                self._before = {path: _Record(**record) for path, record in found.items()}
            except (ValueError, TypeError, AttributeError):
                self._before = {}
        return self._before


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
