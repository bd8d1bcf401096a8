"""File systems that are full, without inodes, read-only, or lose their power: below each directory that we write to."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from bootstrap.model import names
from bootstrap.model.errors import Exit
from tests.faults.after import converges, goes_back, nothing_half, same, stopped, succeeded
from tests.faults.deaths import CALLS, Counter, at_call, lose_power, power_cut
from tests.faults.scorecard import Score
from tests.faults.scratch import Look, Scratch, masked, scratch

TARGETS = ("/etc/kubernetes", "/etc/sysctl.d", "/etc/systemd/system", "/opt", "/var/lib/kubelet", names.WORK_DIR)
PART = (1, 3)
"""Pages, or names, that fit when not every number of them is tried."""
CUTS = 20
SEED = 4
IMAGE_SIZE = 64 << 20


@pytest.fixture(scope="module")
def goal(disk: Path) -> tuple[Look, Look]:
    """A small host before and after an undisturbed run."""
    with scratch(disk) as host:
        before = host.look()
        succeeded(host.init())
        return before, host.look()


@contextmanager
def on_its_own(host: Scratch, target: str, options: str) -> Iterator[Path]:
    """`target` is a file system of its own, with what lay there before."""
    place, kept = host.root / target[1:], host.top / "kept"
    host.directory(target, (place.stat().st_mode & 0o7777) if place.exists() else 0o755)
    shutil.copytree(place, kept)
    mode = f"mode={place.stat().st_mode & 0o7777:o}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{mode},size=100m,nr_inodes=10000", "tmpfs", place], check=True)
    try:
        subprocess.run(["cp", "--archive", f"{kept}/.", place], check=True)
        remount(place, options)
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def limits(limit: str, sweep: bool) -> Iterator[int]:
    return count(1) if sweep else iter(PART)


ROOM = "size=100m,nr_inodes=10000,rw"
KINDS = {"size": ("{}k", 4, "df -h"), "nr_inodes": ("{}", 1, "df -i")}


def _exhausted(disk: Path, goal: tuple[Look, Look], score: Score, sweep: bool, limit: str) -> None:
    """`init` with room for one page or name more in each trial, until it needs no more, then with all the room."""
    text, unit, advice = KINDS[limit]
    for target in TARGETS:
        for more in limits(limit, sweep):
            with scratch(disk) as host:
                used = _used(host, target, limit)
                with on_its_own(host, target, f"{limit}={text.format((used + more) * unit)}") as place:
                    before = host.look()
                    ended = host.init()
                    if ended.code == 0:
                        break
                    with score.trial(f"{target}, {more} more"):
                        stopped(ended, Exit.EFFECT, "No space left", advice)
                        found = host.look()
                        nothing_half(found, before, goal[1])
                        remount(place, ROOM)
                        converges(host, found, goal[1])
                        goes_back(host, before)


def _used(host: Scratch, target: str, limit: str) -> int:
    """Pages or inodes of what is there before; the top of a tmpfs is an inode too."""
    there = list((host.root / target[1:]).rglob("*"))
    if limit == "nr_inodes":
        return len(there) + 1
    return sum(-(-path.stat().st_size // 4096) for path in there if path.is_file())


def test_full(disk: Path, goal: tuple[Look, Look], score: Score, sweep: bool) -> None:
    """Disk full within `init`, on each file system it writes to."""
    _exhausted(disk, goal, score, sweep, "size")


def test_no_inodes(disk: Path, goal: tuple[Look, Look], score: Score, sweep: bool) -> None:
    """No inodes left within `init`, on each file system it writes to."""
    _exhausted(disk, goal, score, sweep, "nr_inodes")


def test_full_at_reset(disk: Path, score: Score) -> None:
    """Disk full when `reset` begins, on each file system it changes."""
    for target in TARGETS:
        with scratch(disk) as host, on_its_own(host, target, ROOM) as place, score.trial(target):
            before = host.look()
            succeeded(host.init())
            remount(place, f"size={_used(host, target, 'size') * 4}k")
            ended = host.reset()
            if ended.code:
                stopped(ended, Exit.EFFECT, "No space left")
                remount(place, ROOM)
                succeeded(host.reset())
            same(host.look(), before)


def test_read_only(disk: Path, goal: tuple[Look, Look], score: Score) -> None:
    """Read-only when `init` begins, each file system it writes to."""
    for target in TARGETS:
        with scratch(disk) as host, on_its_own(host, target, "ro") as place, score.trial(target):
            before = host.look()
            stopped(host.init(), Exit.EFFECT, "mounted read-only", "findmnt -T")
            found = host.look()
            nothing_half(found, before, goal[1])
            remount(place, "rw")
            converges(host, found, goal[1])
            goes_back(host, before)


def test_read_only_at_reset(disk: Path, score: Score) -> None:
    """Read-only when `reset` begins, each file system it changes."""
    for target in TARGETS:
        with scratch(disk) as host, on_its_own(host, target, ROOM) as place, score.trial(target):
            before = host.look()
            succeeded(host.init())
            remount(place, "ro")
            stopped(host.reset(), Exit.EFFECT, "mounted read-only", "findmnt -T")
            remount(place, "rw")
            goes_back(host, before)


class Image:
    """An ext4 file system in a file, and its power."""

    def __init__(self, top: Path) -> None:
        self.file, self.place = top / "image", top / "ext4"
        with self.file.open("wb") as file:
            file.truncate(IMAGE_SIZE)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.file], check=True)
        self.place.mkdir()
        self.on()

    def on(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.file, self.place], check=True)

    def off(self) -> None:
        subprocess.run(["umount", self.place], check=True)

    def boot(self, host: Scratch) -> None:
        """After a power cut: the journal is replayed, what was never written is gone, the kernel's settings are new."""
        self.off()
        self.on()
        host.set_kernel()


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Image]:
    image = Image(tmp_path)
    yield image
    image.off()


def cut_points(calls: int) -> list[int]:
    """The same each time; the first and the last call are among them."""
    between = random.Random(SEED).sample(range(1, calls - 1), CUTS - 2)  # noqa: S311 - no secret
    return [0, *sorted(between), calls - 1]


def _calls(host: Scratch, work: str) -> int:
    """How many calls `init` or `reset` makes."""
    counter = Counter()
    succeeded(getattr(host, work)(counter.prepare))
    return counter.calls


def test_power_cut_within_init(ext4: Image, goal: tuple[Look, Look], score: Score) -> None:
    """Power cut of an ext4 file system within `init`."""
    with scratch(ext4.place) as host:
        points = cut_points(_calls(host, "init"))
    for point in points:
        with scratch(ext4.place) as host, score.trial(point):
            before = host.look()
            os.sync()
            ended = host.init(at_call(point, CALLS, power_cut(str(ext4.place))))
            assert ended.code in (0, -9), ended.output  # threads: a run may be a call shorter than that one
            ext4.boot(host)
            found = host.look()
            nothing_half(found, before, goal[1])
            converges(host, found, goal[1])
            goes_back(host, before)


def test_power_cut_within_reset(ext4: Image, score: Score) -> None:
    """Power cut of an ext4 file system within `reset`."""
    with scratch(ext4.place) as host:
        succeeded(host.init())
        points = cut_points(_calls(host, "reset"))
    for point in points:
        with scratch(ext4.place) as host, score.trial(point):
            before = host.look()
            succeeded(host.init())
            os.sync()
            ended = host.reset(at_call(point, CALLS, power_cut(str(ext4.place))))
            ext4.boot(host)
            if ended.code:
                again = host.reset()
                assert again.code == 0 or "nothing to reset" in again.output, again.output
            same(host.look(), before)


def _on_disk(look: Look) -> Look:
    return {path: entry for path, entry in masked(look).items() if not path.startswith("/proc/")}


def test_power_cut_after_success(ext4: Image, goal: tuple[Look, Look], score: Score) -> None:
    """Power cut as soon as `init`, or `reset`, has said that it is done."""
    for number in range(5):
        with scratch(ext4.place) as host, score.trial(number):
            before = host.look()
            os.sync()
            succeeded(host.init())
            lose_power(str(ext4.place))
            ext4.boot(host)
            same(_on_disk(host.look()), _on_disk(goal[1]))
            succeeded(host.reset())
            lose_power(str(ext4.place))
            ext4.boot(host)
            same(host.look(), before)
