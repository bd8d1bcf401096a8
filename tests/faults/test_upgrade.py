"""Upgrades, and the way back, killed after each of their steps: only with --sweep, a trial takes half a minute.

Needs a Docker engine, the product's image, and the one that `STAMP=2 scripts/build_image.py` makes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.node import IMAGE, must
from tests.faults.scorecard import Score
from tests.host.machine import CONFIG, Outside
from tests.host.test_upgrade import AFTER, BEFORE, NEXT

APPLY, BACK = ("upgrade", "apply", "-y"), ("upgrade", "rollback", "-y")
NODE = ("upgrade", "node")
LAST = 1000
"""More steps than there are."""
MANIFESTS = {f"{name}.yaml" for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")}


@pytest.fixture(scope="module")
def machine(sweep: bool) -> Iterator[Outside]:
    if not sweep:
        pytest.skip("with --sweep")
    made = Outside("upgrades")
    try:
        must(made.run(IMAGE, "init", "--config", "-", stdin=CONFIG.encode()))
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def worker(machine: Outside) -> Iterator[Outside]:
    """One more machine, in a cluster that is at the next version already."""
    made = Outside("upgrades-worker", beside=machine)
    try:
        line = must(machine.run(IMAGE, "token", "create", "--print-join-command"))
        must(made.run(IMAGE, *line.split()[1:]))
        must(machine.run(NEXT, *APPLY))
        yield made
    finally:
        made.remove()


def trials(
    machine: Outside,
    score: Score,
    words: tuple[str, ...],
    version: str,
    undo: tuple[str, ...],
    first: Outside | None = None,
) -> None:
    """After a kill each manifest is there, and the same again leads to `version`; `undo` is for the next trial.

    `first` is asked how a worker is.
    """
    whole = must(machine.killed(LAST, NEXT, *words))
    must(machine.run(NEXT, *undo))
    for after in range(1, int(whole.split()[-2])):
        with score.trial(after):
            ended = machine.killed(after, NEXT, *words)
            assert ended.returncode == 137, ended.stdout + ended.stderr
            assert set(machine.must("ls /etc/kubernetes/manifests").split()) == (set() if first else MANIFESTS)
            must(machine.run(NEXT, *words))
            assert (machine.stored(), (first or machine).is_ready()) == (version, True)
            assert first or machine.versions() == {version}
            must(machine.run(NEXT, *undo))


def test_apply_killed(machine: Outside, score: Score) -> None:
    """SIGKILL after a step of `upgrade apply` on a host, then `upgrade apply` to the new version."""
    trials(machine, score, APPLY, AFTER, BACK)


def test_rollback_killed(machine: Outside, score: Score) -> None:
    """SIGKILL after a step of `upgrade rollback` on a host, then `upgrade rollback` to the version before."""
    must(machine.run(NEXT, *APPLY))
    trials(machine, score, BACK, BEFORE, APPLY)
    must(machine.run(NEXT, *BACK))


def test_node_killed(machine: Outside, worker: Outside, score: Score) -> None:
    """SIGKILL after a step of `upgrade node` on a worker, then `upgrade node` to the new version."""
    trials(worker, score, (*NODE, "--drain"), AFTER, BACK, machine)


def test_rollback_of_a_node_killed(machine: Outside, worker: Outside, score: Score) -> None:
    """SIGKILL after a step of `upgrade rollback` on a worker, then `upgrade rollback` to the version before."""
    must(worker.run(NEXT, *NODE))
    trials(worker, score, BACK, BEFORE, NODE, machine)
