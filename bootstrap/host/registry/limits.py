"""How long a transfer may take, and how it can fail."""

from __future__ import annotations

import email.utils
import threading
import time
from dataclasses import dataclass, field

import requests

from bootstrap.host.registry.words import said

PASSING = (408, 429, 500, 502, 503, 504)
"""Statuses that another try may cure."""


@dataclass(frozen=True)
class Limits:
    """Seconds, but for the attempts. `total` is for all that a command pulls; `longest_wait` bounds a Retry-After."""

    connect: float = 10.0
    stall: float = 30.0
    total: float = 1800.0
    longest_wait: float = 120.0
    attempts: int = 5
    unreachable_attempts: int = 2
    """Fewer: a host that refuses connections seldom comes back while somebody waits, and another mirror may do."""


class RegistryError(Exception):
    """One registry did not give what was asked for; the message is for users and names the host."""


class MissingError(RegistryError):
    """The registry answers, and does not have it."""


class DamagedError(RegistryError):
    """The bytes are not those that their digest promises."""


class DeadlineError(RegistryError):
    """The total deadline has passed."""


class PassingError(RegistryError):
    """Another try may help; `retry_after` are the seconds that the server asked for, None if it did not."""

    def __init__(self, message: str, retry_after: float | None = None, *, connected: bool = True) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.connected = connected


@dataclass(frozen=True)
class Deadline:
    """A point of the monotonic clock that nothing goes beyond; with `over`, once that is set, there is no time left."""

    ends: float
    over: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def after(cls, seconds: float, over: threading.Event | None = None) -> Deadline:
        return cls(time.monotonic() + seconds, over or threading.Event())

    @property
    def left(self) -> float:
        return 0.0 if self.over.is_set() else self.ends - time.monotonic()

    def check(self, host: str) -> None:
        if self.left <= 0:
            raise DeadlineError(f"{host}: the total deadline has passed")

    def pause(self, seconds: float) -> None:
        """Until then, or until there is no time left."""
        self.over.wait(max(0.0, min(seconds, self.left)))


def passing(host: str, answer: requests.Response) -> PassingError | None:
    """The error of an answer whose status passes by itself, with the seconds that its Retry-After says."""
    if answer.status_code not in PASSING:
        return None
    return PassingError(status_line(host, answer), _retry_after(answer))


def status_line(host: str, answer: requests.Response) -> str:
    """A refusal in the server's own words, where it has some."""
    words = said(answer)
    return f"{host}: answered {answer.status_code} {answer.reason}" + (f": {words}" if words else "")


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds, from a number or a date."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
