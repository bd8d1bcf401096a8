"""What a run leaves for programs and for later: a stream of events, and a page that shows where the time went."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from bootstrap.cli.screens.screen import Waiting, say
from bootstrap.engine.lanes import LaneBuilder
from bootstrap.engine.timings import Lane
from bootstrap.host.fs.given import reached
from bootstrap.host.fs.lines import LineFile, require_folder, write_page
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.event_records import record
from bootstrap.model.events import (
    RunDone,
    RunFailed,
    RunPlanned,
    RunStarted,
    StepWaiting,
    Told,
    Transferred,
    Warned,
)
from bootstrap.model.plan import Plan
from bootstrap.model.secrets import hidden_values

if TYPE_CHECKING:
    from bootstrap.engine.run import EventListener

STREAM, PAGE = "--events", "--timings"
ON_SCREEN = "-"
"""Instead of a file: standard output for events, the table for timings."""
MOVES = 0.2
"""Seconds between two events of one transfer."""


class Reports:
    """Listens to a run, before and while the engine works; and hands on what nodes tell of theirs."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._lock = write, threading.Lock()
        self._seen: dict[str, tuple[str, str]] = {}
        self._told: dict[str, float] = {}
        self.node, self.code = "", 0
        self._began, self._own = time.time(), LaneBuilder("")
        self._others: dict[str, LaneBuilder] = {}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Of all nodes that anything was done on."""
        self._own.node = self.node
        found = [builder.lane(time.time()) for builder in (self._own, *self._others.values())]
        return tuple(lane for lane in found if lane.timings)

    def hand_on(self, node: str, record: dict[str, Any]) -> None:
        """What another run told: it is told again, as it is."""
        with self._lock:
            self._others.setdefault(node, LaneBuilder(node, self._began)).take(record)
            self._say(record)

    def checked(self, decision: Any) -> None:
        """The node is known, and what preflight found."""
        self.node = decision.cfg.node.name
        for finding in decision.preflight.warnings:
            self(Warned(finding.message))

    def planned(self, plan: Plan) -> None:
        for remark in plan.remarks:
            self(Warned(remark))
        self(RunPlanned(tuple({"step": s.id, "group": s.group, "after": s.after} for s in plan.steps)))

    def ends(self, code: int) -> int:
        """With another exit code than 0 and no error."""
        self.code = code
        return code

    def beside(self, listen: EventListener) -> EventListener:
        """A listener that hears what this one does."""

        def both(event: Any) -> None:
            listen(event)
            self(event)

        return both

    def beside_waiting(self, waiting: Waiting) -> Callable[[str], None]:
        """The same before there is a plan."""

        def both(seen: str) -> None:
            waiting(seen)
            self(waiting.event(seen))

        return both

    def __call__(self, event: Told) -> None:
        with self._lock:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            told = record(event, now, self.node)
            self._own.take(told)
            if self._is_news(event):
                self._say(told)

    def _say(self, told: dict[str, Any]) -> None:
        self._write(json.dumps(hidden_values(told), ensure_ascii=False, separators=(",", ":")))

    def _is_news(self, event: Told) -> bool:
        if isinstance(event, StepWaiting):
            seen, before = (event.condition, event.seen), self._seen.get(event.step)
            self._seen[event.step] = seen
            return seen != before
        if isinstance(event, Transferred):
            now = time.monotonic()
            if event.done < event.total and now - self._told.get(event.image, -MOVES) < MOVES:
                return False
            self._told[event.image] = now
        return True


@contextmanager
def reporting(verb: str, host: Any, events: str | None, timings: str | None = None) -> Iterator[Reports]:
    """For as long as a command works. Raises BootstrapError (exit 2) at once when a file cannot be written."""
    page = reached(host.reach, timings) if timings and timings != ON_SCREEN else None
    if page:
        require_folder(page, timings or "", PAGE)
    file = None
    if events is not None:
        file = LineFile(None if events == ON_SCREEN else reached(host.reach, events), events, STREAM, _warn)
    reports, began = Reports(file.write if file else _nothing), time.monotonic()
    reports(RunStarted(verb))
    try:
        yield reports
        reports(RunDone(reports.code, time.monotonic() - began))
    except BaseException as e:
        reports(_failure(e))
        raise
    finally:
        if page and (lanes := reports.lanes):
            from bootstrap.engine.timings_page import timings_page

            write_page(page, timings_page(f"bootstrap {verb}", lanes), _warn)
        if file:
            file.close()


def _failure(error: BaseException) -> RunFailed:
    if isinstance(error, BootstrapError):
        return RunFailed(int(error.code), error.what, error.why, error.fix, error.details)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return RunFailed(int(Exit.INTERRUPTED), "interrupted")
    if isinstance(error, typer.TyperException):
        return RunFailed(int(Exit.USAGE), error.format_message())
    return RunFailed(int(Exit.BUG), f"{type(error).__name__}: {error}")


def shown(output: str, events: str | None) -> str:
    """How the result is shown: not at all where standard output has the events."""
    if events != ON_SCREEN:
        return output
    if output == "json":
        raise typer.BadParameter(f"and {STREAM} {ON_SCREEN} both want standard output", param_hint="--output json")
    return ""


def _nothing(line: str) -> None:
    """Nobody asked for events."""


def _warn(line: str) -> None:
    say(line, "!", error=True)
