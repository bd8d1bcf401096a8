"""Whole runs of the command, ended after a step, with everything that a step is: units, Pods, objects.

Needs a Docker engine and the product's image.
"""

from __future__ import annotations

from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from tests.e2e.node import must, until
from tests.faults.places import PLACES, OnNode, Place
from tests.faults.scorecard import Score

KILL = "SIGKILL"
LAST = 1000
"""More steps than there are."""
PART = (3, 30)
"""After how many steps `init` ends when not every number of them is tried."""
PART_OF_RESET = (4,)
READ_SINCE = """
for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  for pid in $(pgrep -f "^$name "); do
    began=$(($(date +%s) - $(ps -o etimes= -p $pid) + 1))
    find /etc/kubernetes/pki /etc/kubernetes/*.conf -type f -newermt @$began
  done
done
"""
"""Keys and kubeconfigs that are younger than a component that runs."""
BOTH = (("SIGTERM", "SIGINT"), ("SIGINT", "SIGTERM"))
AUTHORITY = "cat /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/ca.key /etc/kubernetes/pki/sa.key | sha256sum"
FAKE = """
mkdir -p /fake
for name in systemctl umount ip iptables crictl nsenter; do
  printf '#!/bin/sh\\ntouch /fake/was-run\\nexit 1\\n' > /fake/$name; chmod 755 /fake/$name
done
"""
SLOW_PLUGIN = """
mkdir -p /aside && mv /opt/cni/bin/flannel /aside/
printf '#!/bin/sh\\nsleep 4\\nexec /aside/flannel\\n' > /opt/cni/bin/flannel; chmod 755 /opt/cni/bin/flannel
"""
"""Longer than crictl waits by itself."""


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Without a cluster; tests leave it so."""
    made = PLACES[request.param]()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def before(place: Place) -> list[str]:
    """The place as it is after a reset, which leaves the runtime's own images and the kernel's modules."""
    works(place)
    must(place.bootstrap("reset", "--force"))
    return place.look()


def steps(place: Place, *words: str) -> int:
    """How many steps a whole run has."""
    return int(must(place.ended(LAST, KILL, *words)).split()[-2])


def works(place: Place) -> None:
    """`init` ends in a Ready node."""
    done = place.bootstrap("init", *place.config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.is_ready()


def goes_back(place: Place, before: list[str]) -> None:
    done = place.bootstrap("reset", "--force")
    assert done.returncode == 0 and "as it was before init" in done.stdout, done.stdout + done.stderr
    differing = sorted(set(place.look()) ^ set(before))
    assert differing == [], f"differs from before: {differing[:10]}"


def authority(place: Place) -> str:
    """The digest of what must not change once it is there; empty until all of it is."""
    done = place.sh(AUTHORITY)
    return done.stdout if not done.stderr else ""


def test_init_killed(place: Place, before: list[str], score: Score, sweep: bool) -> None:
    """SIGKILL after a step of `init` on {place}, then `init` to a Ready cluster, then `reset`."""
    count = steps(place, "init", *place.config)
    goes_back(place, before)
    for after in range(1, count) if sweep else PART:
        with score.trial(after):
            assert place.ended(after, KILL, "init", *place.config).returncode == 137
            kept = authority(place)
            works(place)
            assert kept in ("", authority(place)), "the CA was replaced"
            goes_back(place, before)


def test_reset_killed(place: Place, before: list[str], score: Score, sweep: bool) -> None:
    """SIGKILL after a step of `reset` on {place}, then `reset`."""
    works(place)
    count = steps(place, "reset", "--force")
    for after in range(1, count + 1) if sweep else PART_OF_RESET:
        with score.trial(after):
            works(place)
            assert place.ended(after, KILL, "reset", "--force").returncode == 137
            goes_back(place, before)


def test_interrupted(place: Place, before: list[str], score: Score, sweep: bool) -> None:
    """SIGTERM and SIGINT after a step of `init` and of `reset` on {place}: exit code 130, then the same again."""
    for after in PART if sweep else PART[1:2]:
        for first, second in BOTH if sweep else BOTH[:1]:
            with score.trial(f"{first} after {after}"):
                _is_interrupted(place.ended(after, first, "init", *place.config))
                works(place)
                _is_interrupted(place.ended(3, second, "reset", "--force"))
                goes_back(place, before)


@pytest.mark.parametrize("place", ["a node"], indirect=True)
@pytest.mark.usefixtures("minutes")
def test_renew_killed(place: OnNode, before: list[str], score: Score) -> None:
    """SIGKILL after a step of `certs renew all` on {place}, then `certs renew all --due`, as its timer does."""
    works(place)
    points = range(1, steps(place, "certs", "renew", "all"))
    goes_back(place, before)
    for after in points:
        with score.trial(after):
            works(place)  # anew: a kubelet starts what ended lately the later, the more often it did
            assert place.ended(after, KILL, "certs", "renew", "all").returncode == 137
            must(place.bootstrap("certs", "renew", "all", "--due"))
            assert place.sh(READ_SINCE).stdout == "", "somebody has not read the new certificates"
            assert "nothing is due" in must(place.bootstrap("certs", "renew", "all", "--due"))
            assert place.is_ready()
            goes_back(place, before)


@pytest.fixture
def minutes(sweep: bool) -> None:
    if not sweep:
        pytest.skip("test_kills ends a renewal at changes of its files; here each point takes a minute")


def _is_interrupted(done: CompletedProcess[str]) -> None:
    assert done.returncode == 130, done.stdout + done.stderr
    assert "interrupted" in done.stderr and "it goes on where it stopped" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["a node"], indirect=True)
def test_hostile_environment(place: OnNode, before: list[str], score: Score, sweep: bool) -> None:
    """Commands of others first in PATH, LD_PRELOAD, PYTHONPATH, umask 000 and 777 for `init` and `reset` on {place}."""
    must(place.sh(FAKE))
    hostile = "export PATH=/fake:$PATH LD_PRELOAD=/fake/none.so PYTHONPATH=/fake LC_ALL=xx; exec bootstrap"
    for umask in ("777", "000") if sweep else ("777",):
        with score.trial(umask):
            done = place.sh(f"umask {umask}; {hostile} init")
            assert done.returncode == 0, done.stdout + done.stderr
            works(place)
            done = place.sh(f"umask {umask}; {hostile} reset --force")
            assert done.returncode == 0, done.stdout + done.stderr
            assert place.sh("test -e /fake/was-run").returncode == 1, "a command of others was run"
            until("the node is as it was", lambda: place.look() == before, 10)


@pytest.mark.parametrize("place", ["a node"], indirect=True)
def test_slow_network_plugin(place: OnNode, before: list[str], score: Score) -> None:
    """A network plugin that takes 4 s for each Pod that `reset` removes on {place}."""
    with score.trial("flannel"):
        works(place)
        must(place.sh(SLOW_PLUGIN))
        done = place.bootstrap("reset", "--force")
        must(place.sh("mv /aside/flannel /opt/cni/bin/flannel"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert sorted(set(place.look()) ^ set(before)) == []
