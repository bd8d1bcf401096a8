"""What a run looks like: one line a group, complete when printed; one cause and the way out when it fails."""

from __future__ import annotations

import json
import locale
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, TextIO

from bootstrap.cli.screens.patience import Patience
from bootstrap.cli.screens.transfer import TransferScreen
from bootstrap.engine.timings import Timing, critical_path
from bootstrap.model.errors import BootstrapError
from bootstrap.model.events import (
    Event,
    FieldsKept,
    ObjectLeft,
    StepDone,
    StepFailed,
    StepStarted,
    StepWaiting,
    Transferred,
    Unanswered,
)
from bootstrap.model.plan import Plan
from bootstrap.model.secrets import hidden, hidden_values
from bootstrap.render.addresses import node_address

COLORS = {"✓": "\033[32m", "✗": "\033[31m", "!": "\033[33m"}
RESET = "\033[0m"
ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "→": "->", "…": "..."})


def utf8() -> bool:
    return "utf" in (locale.getpreferredencoding(False) or "").lower() or "UTF-8" in os.environ.get("LC_ALL", "C.UTF-8")


def say(text: str = "", mark: str = "", *, error: bool = False, plainly: bool = False) -> None:
    """One line, marked ✓, ✗ or !; colours on a terminal without NO_COLOR, ASCII without UTF-8.

    Secrets are hidden unless they are what is to be handed on: `plainly`.
    """
    text = text if plainly else hidden(text)
    stream = sys.stderr if error else sys.stdout
    line = f" {mark} {text}" if mark else text
    if not utf8():
        line = line.translate(ASCII)
    elif mark and stream.isatty() and "NO_COLOR" not in os.environ:
        line = f" {COLORS[mark]}{mark}{RESET} {text}"
    print(line, file=stream, flush=True)


def wait_for_turn(line: str) -> None:
    """Says for whom a command waits; standard output is for what it finds."""
    say(line, "!", error=True)


def show_json(document: Any) -> None:
    """The result of a command; secrets are hidden."""
    print(json.dumps(hidden_values(document), indent=2))


def show_error(error: BootstrapError) -> None:
    say(error.what, "✗", error=True)
    for detail in error.details:
        say(f"     {detail}", error=True)
    if error.why:
        say(f"   why    {error.why}", error=True)
    if error.fix:
        say(f"   next   {error.fix}", error=True)
    if error.instead:
        say(f"   or     {error.instead}", error=True)
    if error.more:
        say(f"   more   {error.more}", error=True)


class Progress:
    """Listens to a run; prints a group's line once all its steps are done."""

    def __init__(self, plan: Plan) -> None:
        self._open: dict[str, set[str]] = {}
        for step in plan.steps:
            self._open.setdefault(step.group, set()).add(step.id)
        self._begun: dict[str, float] = {}
        self._changed: dict[str, int] = {}
        self._lock = threading.Lock()
        self._terminal = sys.stdout.isatty()
        self._transfer = TransferScreen()
        self._patience = Patience()

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case StepStarted():
                    self._begun.setdefault(event.group, time.monotonic())
                case StepWaiting():
                    if line := self._patience.line(event):
                        self._clear()
                        say(f"  {event.group:<16} {line}")
                    if self._terminal:
                        line = f"{event.group:<16} {event.condition}: {hidden(event.seen)[:70]}"
                        print(f"\r\033[K   {line}", end="", flush=True)
                case Transferred():
                    self._transfer(event)
                case FieldsKept():
                    self._clear()
                    fields, whose = ", ".join(event.fields), " and ".join(event.managers)
                    way_back = "" if event.empty else "; init --reconfigure sets it anew"
                    say(f"{event.name}: {fields} stays as {whose} has set it{way_back}", "!")
                case ObjectLeft():
                    self._clear()
                    say(f"{event.name} stays: {event.why}", "!")
                case StepDone():
                    self._done(event)
                case StepFailed():
                    self._clear()
                    say(f"{event.group:<16} {event.what}", "✗")

    def _done(self, event: StepDone) -> None:
        self._patience.over(event.step)
        left = self._open[event.group]
        left.discard(event.step)
        self._changed[event.group] = self._changed.get(event.group, 0) + len(event.changed)
        for change in event.changed:
            if isinstance(change, Unanswered):
                self._clear()
                say(change, "!")
        if left:
            return
        self._clear()
        changed = self._changed[event.group]
        what = f"{changed} change{'s' * (changed != 1)}" if changed else "nothing to change"
        say(f"{event.group:<16} {what:<40} {time.monotonic() - self._begun[event.group]:6.1f} s", "✓")

    def _clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", flush=True)


def show_timings(timings: Sequence[Timing]) -> None:
    """Every step with its start and length, and the chain that decided the total."""
    chain = {t.step for t in critical_path(timings)}
    say("\n    start   length   step (* on the critical path)")
    for t in sorted(timings, key=lambda t: (t.started, t.ended)):
        say(f"  {t.started:7.2f}  {t.seconds:7.2f} {'*' if t.step in chain else ' '} {t.step}")


def longest(timings: Sequence[Timing]) -> str:
    """The two longest steps of the critical path: `wait-control-plane/apiserver 2.6 → addon/coredns/wait 2.1`."""
    top = sorted(critical_path(timings), key=lambda t: -t.seconds)[:2]
    return " → ".join(f"{t.step} {t.seconds:.1f}" for t in sorted(top, key=lambda t: t.started))


def silent(event: Event) -> None:
    """Who reads JSON reads it at the end."""


def show_remarks(plan: Plan) -> None:
    for remark in plan.remarks:
        say(f"  {remark}", "!")


def show_preflight(decision: Any, mode: Any, seconds: float) -> None:
    """The first lines of a run: which machine, which way to run, and what the checks found."""
    cfg, preflight, facts = decision.cfg, decision.preflight, decision.facts
    say(
        f"bootstrap {cfg.cluster.kubernetes_version} · {mode.name} mode: {mode.why} · "
        f"{cfg.node.name}, {node_address(cfg, facts)} · cgroup v{facts.cgroup_version}"
    )
    if not preflight.count:
        return
    count = len(preflight.warnings)
    checks = f"{preflight.count} checks" + (f", {count} warning{'s' * (count > 1)}" if count else "")
    say(f"{'Preflight':<16} {checks:<40} {seconds:6.1f} s", "✗" if preflight.errors else "✓")
    for finding in preflight.warnings:
        say(f"  {finding.message}", "!")


class Waiting:
    """What is seen while something is waited for before there is a plan; None shows nothing."""

    def __init__(self, group: str, what: str, stream: TextIO | None) -> None:
        self._group, self._what, self._stream = group, what, stream
        self._terminal = stream is not None and stream.isatty()
        self._patience = Patience()

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *error: object) -> None:
        if self._terminal:
            print("\r\033[K", end="", flush=True)

    def __call__(self, seen: str) -> None:
        if self._terminal:
            print(f"\r\033[K   {self._group:<16} {self._what}: {hidden(seen)[:70]}", end="", flush=True)
            return
        line = self._patience.line(self.event(seen))
        if line and self._stream is not None:
            say(f"{self._group:<16} {line}", "…")

    def event(self, seen: str) -> StepWaiting:
        return StepWaiting("discovery", self._group, self._what, seen)
