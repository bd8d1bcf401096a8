"""What was applied here last: objects by their path, as a digest of what we said, not of what became of it.

Who edits an object that we made keeps what is edited, until we have something else to say.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from typing import Any

from bootstrap.engine.journal import Journal
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.journal_entry import PATH


class Applied:
    """Safe to use from several threads."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._before: dict[str, str] | None = None
        self._now: dict[str, str | None] = {}

    def says_something_new(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether another body was applied here last; False where that is not known."""
        with self._lock:
            return self._read().get(path, _digest(body)) != _digest(body)

    def note(self, path: str, body: Mapping[str, Any]) -> None:
        with self._lock:
            self._now[path] = _digest(body)

    def forget(self, path: str) -> None:
        with self._lock:
            self._now[path] = None

    def save(self, journal: Journal) -> None:
        """Once at the end of a run: a run that dies before has said nothing new to the next one."""
        with self._lock:
            merged = {**self._read(), **self._now} if self._now else {}
            now = {path: digest for path, digest in merged.items() if digest}
            if self._now and now != self._before and self._host.stat(names.STATE_DIR):
                journal.note(PATH, names.APPLIED)
                self._host.write(names.APPLIED, json.dumps(now, indent=1, sort_keys=True).encode(), 0o600)

    def _read(self) -> dict[str, str]:
        if self._before is None:
            try:
                found = json.loads(self._host.read(names.APPLIED) or b"{}")
            except ValueError:
                found = {}
            self._before = found if isinstance(found, dict) else {}
        return self._before


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
