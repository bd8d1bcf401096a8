"""A container's limits in the files of both cgroup versions; inotify, tried and given back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bootstrap.host.facts import limits as module
from bootstrap.host.facts.limits import inotify, limits
from bootstrap.model.facts import Limits
from bootstrap.preflight.limits import CLUSTER_INSTANCES, CLUSTER_WATCHES

V2 = {"memory.max": "1073741824", "cpu.max": "50000 100000", "pids.max": "100"}
V1 = {
    "memory/memory.limit_in_bytes": "1073741824",
    "cpu/cpu.cfs_quota_us": "50000",
    "cpu/cpu.cfs_period_us": "100000",
    "pids/pids.max": "100",
}
NONE_V2 = {"memory.max": "max", "cpu.max": "max 100000", "pids.max": "max"}
NONE_V1 = {
    **V1,
    "memory/memory.limit_in_bytes": "9223372036854771712",
    "cpu/cpu.cfs_quota_us": "-1",
    "pids/pids.max": "max",
}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (V2, Limits(1 << 30, 0.5, 100)),
        (V1, Limits(1 << 30, 0.5, 100)),
        (NONE_V2, Limits()),
        (NONE_V1, Limits()),
        ({}, Limits()),
    ],
    ids=["v2", "v1", "none on v2", "none on v1", "not there"],
)
def test_limits_of_both_versions(files: dict[str, str], found: Limits, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")

    assert limits(tmp_path) == found


class Libc:
    """Has three instances and two watches left."""

    def __init__(self) -> None:
        self.left, self.watches = 3, 2

    def inotify_init1(self, flags: int) -> int:
        self.left -= 1
        return os.open("/dev/null", os.O_RDONLY) if self.left >= 0 else -1

    def inotify_add_watch(self, fd: int, path: bytes, mask: int) -> int:
        self.watches -= 1
        return 1 if self.watches >= 0 else -1


def test_what_is_left_is_counted_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.ctypes, "CDLL", lambda name: Libc())
    before = os.listdir("/proc/self/fd")

    found = inotify()

    assert (found.instances, found.watches) == (3, 2)
    assert os.listdir("/proc/self/fd") == before


def test_no_more_is_tried_than_a_cluster_needs() -> None:
    found = inotify()

    assert found.instances <= CLUSTER_INSTANCES
    assert found.watches <= CLUSTER_WATCHES
