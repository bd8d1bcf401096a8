"""What the benches share: a command that is watched until what it makes works, and figures that go into a document."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _common import fail, say

from tests.parity import live

POLL = 0.05
LIMIT = 240.0
"""Seconds after which a run is given up."""
EXIT = "exit"
"""The mark that a command reaches by its own end; all others are looked for."""
BEGIN, END = "<!-- figures: written by scripts/{} --markdown -->", "<!-- end of figures -->"


def settle() -> None:
    """The boot's own work is over, and what the last run left to write is written."""
    os.sync()
    time.sleep(2)


def watch(
    command: Sequence[str], looks: Mapping[str, Callable[[], bool]], marks: Sequence[str]
) -> tuple[dict[str, float], str]:
    """Start the command, and look every 50 ms which marks have been reached: seconds from the start, and its output.

    A look that gets no connection, or half a file, sees nothing.
    """
    reached: dict[str, float] = {}
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        all_looks = {**looks, EXIT: lambda: process.poll() == 0}
        try:
            while left := [mark for mark in marks if mark not in reached]:
                tick = time.monotonic()
                for mark in left:
                    if sees(all_looks[mark]):
                        reached[mark] = time.monotonic() - start
                if code := process.poll():
                    output.seek(0)
                    fail(f"{' '.join(command)[:120]}: exit code {code}\n{output.read().decode()[-3000:]}")
                if tick - start > LIMIT:
                    fail(f"{' '.join(command)[:120]}: after {LIMIT:.0f} s still not: {', '.join(left)}")
                time.sleep(max(0.0, POLL - (time.monotonic() - tick)))
        finally:
            process.kill() if process.poll() is None else None
        output.seek(0)
        return reached, output.read().decode(errors="replace")


def sees(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except OSError:
        return False


def condition(body: Any, kind: str) -> bool:
    """An answer that is no object (404) has the text `Failure` for a status."""
    status = body.get("status")
    conditions = (status.get("conditions") if isinstance(status, dict) else None) or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def row(title: str, values: Sequence[float], *more: str) -> str:
    """One line of a table: least, median, most."""
    cells = [title, *(f"{number:.2f}" for number in (min(values), statistics.median(values), max(values))), *more]
    return f"| {' | '.join(cells)} |"


def goal(title: str, most: float, now: float) -> str:
    """One line of the table that GOALS begins."""
    return f"| {title} | {most:.2f} | {now:.2f} | {'met' if now <= most else 'not met'} |"


GOALS = ("| Goal | at most | now | |", "|---|---|---|---|")


def machine(count: int) -> str:
    """What was measured on."""
    cgroup = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    kernel = os.uname().release.split("-")[0]
    engine = json.loads(live.docker("version", "--format", "{{json .Server.Version}}")).split("+")[0]
    return (
        f"{os.cpu_count()} CPUs, {memory:.0f} GiB, kernel {kernel}, cgroup v{cgroup}, Docker {engine}; "
        f"{count} run{'s' * (count != 1)} of each, alternating, in one sitting."
    )


def insert(path: Path, script: str, report: str) -> None:
    """Replace what stands between the script's two lines of a document."""
    text, begin = path.read_text(), BEGIN.format(script)
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        fail(f"{path} has no place for the figures: a line {begin} and a line {END}")
    path.write_text(f"{before}{begin}\n\n{report}\n\n{END}{after}")
    say(f"  figures written to {path}")
