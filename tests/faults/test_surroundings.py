"""What a machine can be like: hostile umasks, directories that lie elsewhere, a wrong clock, twenty users at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootstrap.model import names
from bootstrap.model.errors import Exit
from tests.faults.after import converges, goes_back, same, stopped, succeeded
from tests.faults.deaths import at_call
from tests.faults.scorecard import Score
from tests.faults.scratch import ROOT, Ended, Look, Scratch, masked, scratch

MOVED = (
    "/etc/kubernetes",
    "/etc/bootstrap",
    "/etc/sysctl.d",
    "/opt",
    "/var/lib/kubelet",
    "/var/lib/etcd",
    names.WORK_DIR,
)
"""Directories that an administrator keeps on another disk, behind a link."""
KILLS = (10, 40, 70, 100, 130)
PARALLEL = 20
PATIENCE = 120.0
"""Seconds for all of them."""


@pytest.fixture(scope="module")
def goal(disk: Path) -> Look:
    with scratch(disk) as host:
        succeeded(host.init())
        return host.look()


def test_umask(disk: Path, goal: Look, score: Score) -> None:
    """Umask 000, 027, 077 and 777 for `init` and `reset`."""
    for umask in (0o000, 0o027, 0o077, 0o777):
        with scratch(disk) as host, score.trial(f"{umask:03o}"):
            before = host.look()
            succeeded(host.init(lambda: os.umask(umask)))  # noqa: B023 - called at once
            same(masked(host.look()), masked(goal))
            succeeded(host.reset(lambda: os.umask(umask)))  # noqa: B023
            same(host.look(), before)


def test_directories_behind_links(disk: Path, goal: Look, score: Score, sweep: bool) -> None:
    """A directory of ours is a link: absolute, relative, a chain, dangling; `init` whole or killed, then `reset`."""
    for path in MOVED:
        for form in ("absolute", "relative", "chain", "dangling"):
            for kill in (None, *(KILLS if sweep else KILLS[2:3] if form == "absolute" else ())):
                with scratch(disk) as host, score.trial(f"{path}, {form}, killed at {kill}"):
                    theirs = host.look()
                    _move(host, path, form)
                    before = host.look()
                    if kill is not None:
                        assert host.init(at_call(kill)).code < 0
                    succeeded(host.init())
                    wanted = _at(goal, path, path)
                    if form == "dangling":
                        wanted = {p: e for p, e in wanted.items() if goal[p] != theirs.get(p)}
                    same(_at(host.look(), "/srv/moved", path), wanted)
                    assert host.host.readlink(path), "the link is still there"
                    assert "changed" not in host.init().output
                    goes_back(host, before)


def _move(host: Scratch, path: str, form: str) -> None:
    """What lies at `path`, if anything, lies below /srv, and `path` is a link."""
    host.directory("/srv")
    place, there = host.root / path[1:], host.root / "srv/moved"
    if place.exists():
        place.rename(there)
    elif form != "dangling":
        there.mkdir(0o755)
    if form == "dangling" and there.exists():
        there.rename(host.root / "srv/away")
    target = "/srv/moved"
    if form == "relative":
        target = "../" * (path.count("/") - 1) + "srv/moved"
    elif form == "chain":
        host.link("/srv/first", "moved")
        target = "/srv/first"
    host.link(path, target)


def _at(look: Look, place: str, path: str) -> Look:
    """What lies below `place`, as if it lay below `path`."""
    return masked({path + p.removeprefix(place): e for p, e in look.items() if p.startswith(f"{place}/")})


def test_files_behind_links(disk: Path, score: Score) -> None:
    """A file of ours is a link to a file of others, or dangles: `reset` gives its content back."""
    for path in (
        "/etc/sysctl.d/99-bootstrap.conf",
        "/etc/systemd/system/kubelet.service",
        "/var/lib/kubelet/kubeadm-flags.env",
        names.AUDIT_POLICY,
    ):
        for target in ("/srv/theirs", "../../srv/theirs", "/srv/none"):
            with scratch(disk) as host, score.trial(f"{path} → {target}"):
                host.directory("/srv")
                host.file("/srv/theirs", b"theirs\n", 0o640)
                host.directory(os.path.dirname(path))
                (host.root / path[1:]).unlink(missing_ok=True)
                depth = path.count("/") - 1
                host.link(path, target.replace("../../", "../" * depth))
                before = host.look()
                succeeded(host.init())
                assert host.host.readlink(path)
                goes_back(host, before)


def test_clock(disk: Path, goal: Look, score: Score) -> None:
    """The clock was ahead, or behind, when certificates were made, and is right now: a CA of the future is named."""
    now = datetime.now(UTC)
    for hours in (1, -1, 24, -24, 24 * 400):
        with scratch(disk) as host, score.trial(f"{hours:+} h"):
            before = host.look()
            succeeded(host.init(now=now + timedelta(hours=hours)))
            made = host.look()
            if hours > 0:
                stopped(host.init(), Exit.PREFLIGHT, "the clock says", "bootstrap reset")
                same(host.look(), made)
            else:
                converges(host, made, goal)
            goes_back(host, before)


def test_one_of_twenty(disk: Path, score: Score, sweep: bool) -> None:
    """Twenty runs of `init` at once: one goes on, the others name it and end with exit code 8."""
    for _ in range(5 if sweep else 1):
        with scratch(disk) as host, score.trial("parallel"):
            before = host.look()
            runs = _at_once(host)
            won = [run for run in runs if run.code == 0]
            assert len(won) == 1, [run.output for run in runs]
            for run in runs:
                if run is not won[0]:
                    stopped(run, Exit.CONFLICT, f"pid {won[0].pid})")
            goes_back(host, before)


@dataclass(frozen=True)
class Run(Ended):
    """One of many."""

    pid: int


def _at_once(host: Scratch) -> list[Run]:
    """Runs that begin when the last of them is ready; who has the lock waits within its work for the others' end."""
    gate, end = host.top / "gate", host.top / "end"
    gate.touch()
    command = [sys.executable, "-m", "tests.faults.contender", str(host.root), str(gate), str(end)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = [subprocess.Popen(command, env=environment, **pipes) for _ in range(PARALLEL)]  # type: ignore[call-overload]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    gate.unlink()
    deadline = time.monotonic() + PATIENCE
    while sum(process.poll() is None for process in started) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    end.touch()
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in started]
    return [Run(p.returncode, output, p.pid) for p, output in zip(started, outputs, strict=True)]
