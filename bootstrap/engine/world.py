"""What the engine acts on: a host, and an API client made when the credentials exist."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bootstrap.host.port import Api, Host
from bootstrap.model.events import Transferred


@dataclass
class World:
    """`connect` makes an API client with full rights; it is called once, when first needed.

    `report` is told the progress of transfers.
    """

    host: Host
    connect: Callable[[], Api]
    probe: Callable[[str], tuple[int, str]]
    report: Callable[[Transferred], None] = lambda event: None
    _api: Api | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def api(self) -> Api:
        with self._lock:
            if self._api is None:
                self._api = self.connect()
            return self._api
