"""One run at a time: between threads, between processes, and after the holder was killed."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bootstrap.model.errors import BootstrapError, Exit
from tests.contract.subjects import Live, Subject

TREE = Path(__file__).parents[2]
HOLD = """
import sys, time
from bootstrap.host.live import LiveHost
with LiveHost(sys.argv.pop(1)).lock("/run/bootstrap.lock"):
    print("held", flush=True)
    time.sleep(60)
"""
TRY = """
import sys, time
from bootstrap.host.live import LiveHost
from bootstrap.model.errors import BootstrapError
try:
    with LiveHost(sys.argv.pop(1)).lock("/run/bootstrap.lock"):
        sys.stdin.read()
except BootstrapError as e:
    sys.exit(int(e.code))
"""


def process(script: str, live: Live, *words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", script, str(live.root), *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=TREE, stdin=pipe, stdout=pipe, text=True)


def test_a_second_one_is_refused_and_a_later_one_is_not(subject: Subject) -> None:
    with subject.host.lock("/run/lock"):
        with pytest.raises(BootstrapError) as caught, subject.host.lock("/run/lock"):
            pytest.fail("two holders")
        assert caught.value.code == Exit.CONFLICT
        with subject.host.lock("/run/another"):
            pass
    with subject.host.lock("/run/lock"):
        pass


def test_an_error_inside_is_the_callers_own_and_lets_go(subject: Subject) -> None:
    with pytest.raises(OSError, match="mine"), subject.host.lock("/run/lock"):
        raise OSError("mine")
    with subject.host.lock("/run/lock"):
        pass


def test_the_holder_is_named_without_its_secrets(live: Live) -> None:
    holder = process(HOLD, live, "join", "--token", "abcdef.0123456789abcdef")
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BootstrapError) as caught, live.host.lock("/run/bootstrap.lock"):
            pytest.fail("two holders")
    finally:
        holder.kill()
        holder.wait()

    error = caught.value
    assert error.code == Exit.CONFLICT
    assert f"bootstrap join --token (hidden) (pid {holder.pid})" in error.what
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", error.what)
    assert f"kill {holder.pid}" in error.fix
    assert (live.root / "run" / "bootstrap.lock").stat().st_mode & 0o7777 == 0o600


def test_the_lock_of_a_killed_holder_is_free_at_once(live: Live) -> None:
    holder = process(HOLD, live)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    with live.host.lock("/run/bootstrap.lock"):
        pass


def test_of_twenty_at_once_exactly_one_works(live: Live) -> None:
    processes = [process(TRY, live) for _ in range(20)]

    deadline = time.monotonic() + 60
    while sum(candidate.poll() is not None for candidate in processes) < 19 and time.monotonic() < deadline:
        time.sleep(0.05)
    holder = next(candidate for candidate in processes if candidate.poll() is None)
    holder.communicate("", timeout=20)

    assert sorted(candidate.wait() for candidate in processes) == [0] + [Exit.CONFLICT] * 19


def test_a_lock_file_that_is_removed_is_made_anew(live: Live) -> None:
    with live.host.lock("/run/lock"):
        live.host.remove("/run/lock")
        with live.host.lock("/run/lock"):
            pass


def test_a_file_that_is_removed_while_we_lock_it_is_not_the_lock(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two runs could each hold a lock, on two files that had the same name."""
    flock, removed = fcntl.flock, []

    def raced(fd: int, operation: int) -> None:
        if not removed:
            removed.append((live.root / "run" / "lock").unlink())
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", raced)
    with live.host.lock("/run/lock"):
        assert live.host.stat("/run/lock")
        with pytest.raises(BootstrapError), live.host.lock("/run/lock"):
            pytest.fail("two holders")


def test_a_lock_file_of_others_is_there_while_we_work_and_gone_then(subject: Subject) -> None:
    subject.directory("/home")
    with subject.host.lock_file("/home/config.lock"):
        assert subject.snapshot()["/home/config.lock"][:2] == ("file", 0)
    assert "/home/config.lock" not in subject.snapshot()


def test_a_lock_file_of_others_stays(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootstrap.host.fs.lock.OTHERS_PATIENCE", 0.1)
    subject.directory("/home")
    subject.file("/home/config.lock", b"")
    before, held = subject.snapshot(), subject.host.lock_file("/home/config.lock")

    with pytest.raises(BootstrapError, match=r"config\.lock is there") as caught, held:
        pytest.fail("two holders")

    assert (caught.value.code, "rm -f /home/config.lock" in caught.value.fix) == (Exit.CONFLICT, True)
    assert subject.snapshot() == before


def test_who_has_a_lock_file_for_a_moment_is_waited_for(live: Live) -> None:
    live.directory("/home")
    live.file("/home/config.lock", b"")
    ends = threading.Timer(0.3, (live.root / "home/config.lock").unlink)
    ends.start()
    with live.host.lock_file("/home/config.lock"):
        ends.join()
