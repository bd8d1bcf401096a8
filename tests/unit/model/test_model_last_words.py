"""What a node says last is understood by who watches it."""

from __future__ import annotations

import pytest

from bootstrap.model.errors import Exit
from bootstrap.model.last_words import OF_THE_ENGINE, is_done, said_failure

LOG = [
    "bootstrap v1.37.0+bootstrap.1 · node mode: no /host · dev-worker, 172.18.0.3 · cgroup v1",
    " ✗ Preflight        31 checks                                   0.3 s",
    " ✗ 2 preflight checks failed",
    "     the machine has 100 MiB of memory",
    "     a port is taken",
    "   why    something",
    "   next   do this",
    "   or     that",
]


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("Kubernetes v1.37.0+bootstrap.1 is up in 8.1 s   (longest chain: a 2.6 → b 2.1)", True),
        ("dev-worker has joined 172.18.0.2:6443 in 9.3 s   (longest chain: a 2.6)", True),
        ("nothing changed: this node already is what the configuration says", True),
        ("nothing changed: this machine already is a node of the cluster at 172.18.0.2:6443", True),
        (" ✓ Node             nothing to change      0.1 s", False),
        ("somebody has joined", False),
        ("", False),
    ],
)
def test_the_last_line(line: str, done: bool) -> None:
    assert is_done(line) is done


def test_a_failure_is_said_as_the_node_said_it() -> None:
    error = said_failure("dev-worker", LOG, Exit.PREFLIGHT)

    assert error.what == "dev-worker: 2 preflight checks failed"
    assert error.details == ("the machine has 100 MiB of memory", "a port is taken", "or     that")
    assert (error.why, error.fix, error.code) == ("something", "do this", Exit.PREFLIGHT)


@pytest.mark.parametrize(("code", "known"), [(137, Exit.EFFECT), (0, Exit.EFFECT), (1, Exit.BUG), (6, Exit.WAIT)])
def test_one_that_was_killed_said_nothing(code: int, known: Exit) -> None:
    error = said_failure("dev-worker", LOG[:1], code)

    assert error.what == "dev-worker: it ended without a word of why"
    assert (error.details, error.code) == ((LOG[0],), known)


@pytest.mark.parametrize(
    ("fix", "said"),
    [
        ("docker run -d --privileged bootstrap:v1.37.0 join", OF_THE_ENGINE),
        ("sysctl -w fs.inotify.max_user_instances=512", "sysctl -w fs.inotify.max_user_instances=512"),
    ],
)
def test_a_node_that_a_cluster_made_is_not_to_be_run_by_hand(fix: str, said: str) -> None:
    assert said_failure("dev-worker", [" ✗ it cannot start", f"   next   {fix}"], 4).fix == said
