"""What each place answers when it is asked for an image: for explanations, nothing is brought in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from bootstrap.host.registry.client import RegistryClient
from bootstrap.host.registry.limits import Deadline, Limits, RegistryError
from bootstrap.model.images.image import Platform, Resolved
from bootstrap.model.images.lock import LockedImage
from bootstrap.model.images.mirrors import Server
from bootstrap.model.images.reference import Reference
from bootstrap.render.images.mirrors import Candidate

LIMITS = Limits(connect=5, stall=10, total=30, longest_wait=0, attempts=1, unreachable_attempts=1)
"""One try: whoever asks why wants the answer of now."""


@dataclass(frozen=True)
class Answer:
    """`seconds` until the server named a digest, None if it did not; `problem` is why it would not be used.

    `via` is the HTTP proxy on the way, empty without one.
    """

    candidate: Candidate
    seconds: float | None
    resolved: Resolved | None
    problem: str
    via: str


def ask_all(
    candidates: Sequence[Candidate], image: Reference, platform: Platform, locked: LockedImage | None
) -> tuple[Answer, ...]:
    """All at the same time, in the candidates' order. Raises BootstrapError (exit 3) for unusable credentials."""
    if not candidates:
        return ()
    with ThreadPoolExecutor(len(candidates)) as pool:
        return tuple(pool.map(lambda candidate: _ask(candidate, image, platform, locked), candidates))


def _ask(candidate: Candidate, image: Reference, platform: Platform, locked: LockedImage | None) -> Answer:
    seconds, resolved, problem = None, None, ""
    try:
        registry = RegistryClient(candidate.server, LIMITS, Deadline.after(LIMITS.total))
        began = time.monotonic()
        registry.digest(candidate.repository, image.wanted)
        seconds = time.monotonic() - began
        resolved = registry.resolve(candidate.repository, image.wanted, platform)
        problem = locked.refusal(resolved, str(platform)) if locked else ""
    except RegistryError as e:
        problem = str(e)
    return Answer(candidate, seconds, resolved, problem, _proxy(candidate.server))


def _proxy(server: Server) -> str:
    """HOST:PORT of the proxy from the environment, without its credentials."""
    found = requests.utils.select_proxy(server.url, requests.utils.get_environ_proxies(server.url))
    parts = urlsplit(found or "")
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
