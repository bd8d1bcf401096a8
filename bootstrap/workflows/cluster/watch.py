"""Watching nodes start: each by its own log, all at once, until all are done or one has failed."""

from __future__ import annotations

import itertools
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from bootstrap.host.docker.commands import Ran
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.last_words import is_done, said_failure

KEPT_LINES = 200
LOOK = 0.5
"""Seconds of silence after which the time is looked at."""

AGAIN = 0.5
"""Seconds until a log that broke off is asked for again."""

Listener = Callable[[str, str, float | None], None]
"""Told of each line that a node says, with the seconds since the begin once it was its last one."""
Teller = Callable[[str, dict[str, Any]], None]
"""Told of each event of a node."""


class Watched(Protocol):
    """What of an engine is needed here."""

    def lines(self, name: str, *, since: float = 0) -> Iterator[str]: ...
    def exit_code(self, name: str) -> int | None: ...
    def run(self, name: str, argv: Sequence[str]) -> Ran: ...


def watch(
    engine: Watched,
    nodes: Sequence[str],
    timeout: float,
    listen: Listener,
    *,
    began: float,
    since: float = 0,
    beside: Sequence[str] = (),
    tell: Teller | None = None,
) -> dict[str, float]:
    """Node → seconds from `began` (monotonic) until it was done; none of those `beside` them may end meanwhile.

    With `tell` the nodes have events among their lines, which say when one is done.
    Raises BootstrapError: what the first one that failed says itself; exit 6, with the diagnosis of those that are
    not done, when time is up.
    """
    said: dict[str, list[str]] = {name: [] for name in (*nodes, *beside)}
    done: dict[str, float] = {}
    with _heard(engine, (*nodes, *beside), since) as heard:
        while len(done) < len(nodes):
            try:
                name, line = heard.get(timeout=LOOK)
            except queue.Empty:
                if time.monotonic() - began > timeout:
                    raise _too_slow(engine, {name: said[name] for name in nodes if name not in done}, timeout) from None
                continue
            if line is None:
                if name not in done:
                    raise said_failure(name, said[name], engine.exit_code(name) or Exit.EFFECT)
                continue
            if event := _event(line):
                if tell is None:  # asked for when the node was made
                    continue
                tell(name, event)
                is_over, line = event["event"] == "run-done", ""
            else:
                said[name] = [*said[name], line][-KEPT_LINES:]
                is_over = is_done(line) and not tell
            if is_over:
                done[name] = time.monotonic() - began
            if name in nodes and (name not in done or is_over):
                listen(name, line, done.get(name))
    return done


@contextmanager
def _heard(engine: Watched, names: Sequence[str], since: float) -> Iterator[queue.Queue[tuple[str, str | None]]]:
    """Lines of all of them, each with its node; None after the last one."""
    heard: queue.Queue[tuple[str, str | None]] = queue.Queue()
    over = threading.Event()
    for name in names:
        threading.Thread(target=_read, args=(engine, name, since, heard, over), daemon=True).start()
    try:
        yield heard
    finally:
        over.set()


def _event(line: str) -> dict[str, Any] | None:
    """A line that is an event."""
    if not line.startswith('{"version":'):
        return None
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found


def _read(
    engine: Watched, name: str, since: float, heard: queue.Queue[tuple[str, str | None]], over: threading.Event
) -> None:
    """A log that ends while its container runs (the way to the engine broke) is taken up where it ended."""
    count, ended = 0, False
    while not ended and not over.is_set():
        with suppress(BootstrapError):
            for line in itertools.islice(engine.lines(name, since=since), count, None):
                count += 1
                heard.put((name, line))
        try:
            ended = engine.exit_code(name) is not None
        except BootstrapError:  # it was removed meanwhile, or there is no engine any more
            ended = True
        over.wait(0 if ended else AGAIN)
    heard.put((name, None))


def _too_slow(engine: Watched, said: dict[str, list[str]], timeout: float) -> BootstrapError:
    details = [f"{name}: last seen: {lines[-1].strip() if lines else 'nothing'}" for name, lines in said.items()]
    why = fix = ""
    for name in said:
        for cause in _causes(engine, name):
            details.append(f"{name}: {cause['what']}")
            why, fix = why or cause["why"], fix or f"docker exec {name} {cause['next']}"
    return BootstrapError(
        f"{', '.join(said)}: not ready within {timeout:.0f} s",
        code=Exit.WAIT,
        details=tuple(details),
        why=why,
        fix=fix or "give it more time (--timeout), or keep it for a look (--retain)",
    )


def _causes(engine: Watched, name: str) -> list[dict[str, str]]:
    """What `diagnose` finds there; nothing where it cannot be asked."""
    try:
        found = engine.run(name, ["bootstrap", "diagnose", "-o", "json"])
        return list(json.loads(found.out)["findings"])
    except (BootstrapError, ValueError, KeyError):
        return []
