"""SIGKILL at some changes of a name on the disk; in a sweep at all of them, and at every changing call where the same
command follows."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bootstrap.model import names
from tests.faults.after import converges, goes_back, is_temporary, nothing_half, same, succeeded
from tests.faults.deaths import CALLS, NAMES, at_call
from tests.faults.scorecard import Score
from tests.faults.scratch import Look, Scratch, masked, scratch

LIMIT = 5000
Goal = tuple[Look, Look, object]


@pytest.fixture(scope="module")
def goal(disk: Path) -> Goal:
    """Before, after an undisturbed run, and its journal; what a reset gives back is what was there before."""
    with scratch(disk) as host:
        before = host.look()
        succeeded(host.init())
        after, notes = host.look(), host.noted()
        goes_back(host, before)
    return before, after, notes


def calls(sweep: bool) -> tuple[str, ...]:
    return CALLS if sweep else NAMES


def test_init_again(disk: Path, goal: Goal, score: Score, sweep: bool) -> None:
    """SIGKILL within the files of `init`, then `init`, then `reset`."""
    before, after, notes = goal
    for number in range(0, LIMIT, 1 if sweep else 2):
        with scratch(disk) as host:
            ended = host.init(at_call(number, calls(sweep)))
            if ended.code == 0:
                break
            with score.trial(number):
                assert ended.code == -signal.SIGKILL, ended.output
                killed = host.look()
                nothing_half(killed, before, after)
                converges(host, killed, after, notes)
                goes_back(host, before)


def test_reset_instead(disk: Path, goal: Goal, score: Score, sweep: bool) -> None:
    """SIGKILL within the files of `init`, then `reset` at once."""
    before, _, _ = goal
    for number in range(0, LIMIT, 1 if sweep else 3):
        with scratch(disk) as host:
            if host.init(at_call(number, calls(sweep))).code == 0:
                break
            with score.trial(number):
                _reset_to_nothing(host, before)


def test_reset_again(disk: Path, goal: Goal, score: Score, sweep: bool) -> None:
    """SIGKILL within the files of `reset`, then `reset`."""
    before, _, _ = goal
    for number in range(0, LIMIT, 1 if sweep else 2):
        with scratch(disk) as host:
            succeeded(host.init())
            ended = host.reset(at_call(number, calls(sweep)))
            if ended.code == 0:
                break
            with score.trial(number):
                assert ended.code == -signal.SIGKILL, ended.output
                _reset_to_nothing(host, before)


def test_init_after_half_a_reset(disk: Path, goal: Goal, score: Score, sweep: bool) -> None:
    """SIGKILL within the files of `reset`, then `init`, then `reset`."""
    before, after, _ = goal
    for number in range(0, LIMIT, 1 if sweep else 5):
        with scratch(disk) as host:
            succeeded(host.init())
            if host.reset(at_call(number)).code == 0:
                break
            with score.trial(number):
                succeeded(host.init())
                found = {path: entry for path, entry in host.look().items() if not is_temporary(path)}
                same(masked(found), masked(after))
                goes_back(host, before)


def test_renewal_again(disk: Path, goal: Goal, score: Score, sweep: bool) -> None:
    """SIGKILL within the files of `certs renew all`, then the same again or `init`, then `reset`."""
    before, after, _ = goal
    for number in range(0, LIMIT, 1 if sweep else 5):
        with scratch(disk) as host:
            succeeded(host.init())
            ended = host.renew(at_call(number, calls(sweep)))
            if ended.code == 0:
                break
            with score.trial(number):
                assert ended.code == -signal.SIGKILL, ended.output
                nothing_half(_without_note(host.look()), after, after)
                succeeded(host.init() if number % 2 else host.renew())
                rested = host.init()
                assert rested.code == 0 and "changed" not in rested.output, f"not at rest: {rested.output}"
                found = {path: entry for path, entry in _without_note(host.look()).items() if not is_temporary(path)}
                same(masked(found), masked(after))
                goes_back(host, before)


def _without_note(found: Look) -> Look:
    """Who has to read the new certificates is noted until they have: here nobody runs."""
    return {path: entry for path, entry in found.items() if path != names.RENEWING}


def _reset_to_nothing(host: Scratch, before: Look) -> None:
    """A reset finds nothing to do when the other was killed before its first, or after its last, note was there."""
    ended = host.reset()
    assert ended.code == 0 or (ended.code == 8 and "nothing to reset" in ended.output), f"{ended.code}: {ended.output}"
    same(host.look(), before)
