"""What the engine acts on: a host, and an API client made when the credentials exist."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from bootstrap.engine.journal import Journal
from bootstrap.engine.objects.applied import Applied
from bootstrap.host.port import Api, Host
from bootstrap.model.events import FieldsKept, ObjectLeft, Transferred

Waiting = Callable[[str, str], None]
"""Is told what is waited for, and what was last seen."""


def wait_unseen(what: str, seen: str) -> None:
    """Where nobody looks on."""


WAITING: ContextVar[Waiting] = ContextVar("WAITING", default=wait_unseen)
"""Of the step that runs in this thread: an effect that tries until a deadline tells it, as a wait does."""


LoadImages = Callable[[tuple[str, ...], threading.Event], tuple[str, ...]]
"""Loads references of a verified bundle, and returns those that were not there; breaks off once the event is set."""


class RunOver(Exception):
    """Another step failed, or the user interrupted: this one need not go on."""


def see_nothing() -> None:
    """The look of a run in which nothing fails for good."""


@dataclass
class RunContext:
    """`connect` makes an API client with full rights; it is called once, when first needed.

    `verb` is the command, for the journal. `look` raises BootstrapError when waiting has become useless; `over` is set
    when the run ends, and ends every wait. `report` is told the progress of transfers, and what is left to others.
    """

    host: Host
    connect: Callable[[], Api]
    probe: Callable[[str], tuple[int, str]]
    verb: str
    look: Callable[[], None] = see_nothing
    over: threading.Event = field(default_factory=threading.Event)
    load_images: LoadImages | None = None
    """None without a bundle."""
    report: Callable[[Transferred | FieldsKept | ObjectLeft], None] = lambda event: None
    start_timeout: float = 0
    """Seconds that an API server may take to start, also one that the kubelet replaces while the run goes on."""
    takes_back: bool = False
    """Whether fields of our objects are set that somebody else has changed since."""
    records: bool = True
    """Whether the journal is kept: not on a node that others made, of which it has to say nothing."""
    _api: Api | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.journal = Journal(self.host, self.verb, records=self.records)
        self.applied = Applied(self.host)

    @property
    def api(self) -> Api:
        with self._lock:
            if self._api is None:
                self._api = self.connect()
            return self._api
