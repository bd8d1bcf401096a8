"""`join` on real clusters: ended after a step, refused by a lock, over a bad network, without a quorum.

Needs a Docker engine and the product's image. One cluster and two machines that join it serve for all.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import CompletedProcess

import pytest

from tests.e2e.joined import lines, listed, members, ready
from tests.e2e.node import PREFIX, Node, docker, must, until
from tests.faults.places import PYTHON, SCRIPT, OnNode
from tests.faults.scorecard import Score
from tests.faults.test_steps import KILL, LAST

SUBNET, ADDRESS, PORT = "192.0.2.128/25", "192.0.2.138", 7443
"""All talk to the cluster through a load balancer at that port, which is well or not (flaky.py)."""
BAD_DAY = "/run/bad-day"
HASTY = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
timeouts: {discovery: 15s, etcdAPICall: 20s, controlPlaneComponentHealthCheck: 20s}
"""
PARTS = {"worker": (3, 8), "control plane": (24,)}
"""After how many steps `join` ends when not every number of them is tried."""
PARTS_THEN_RESET = {"worker": (5,), "control plane": (24,)}
EVERY = 3
"""Of the sweep's points those after which `reset` follows at once."""
PEERS = "INPUT -p tcp --dport 2380 -j DROP", "OUTPUT -p tcp --dport 2380 -j DROP"


class Cluster(Node):
    """The first control plane, with its load balancer."""

    def __init__(self, network: str) -> None:
        super().__init__("faults-first", "node", options=_options(network, "--ip", ADDRESS))
        self.wait_healthy(60)
        must(docker("exec", "-d", self.name, PYTHON, "/faults/flaky.py", ADDRESS, str(PORT), "6443", BAD_DAY))
        self.run("bootstrap", "init", "--control-plane-endpoint", f"{ADDRESS}:{PORT}", timeout=300)
        said = self.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs")
        worker, control_plane = (line.split()[2:] for line in lines(said))
        self.words = {"worker": worker, "control plane": control_plane}

    @contextmanager
    def bad_day(self) -> Iterator[None]:
        self.run("touch", BAD_DAY)
        try:
            yield
        finally:
            self.run("rm", BAD_DAY)

    def is_whole(self, *joined: str) -> None:
        """Its etcd has these members besides its own, all with a vote, and takes writes."""
        assert sorted(members(self)) == sorted((self.run("hostname").strip(), *joined))
        self.kubectl("annotate", "--overwrite", "namespace", "default", "x.test/written=yes")


def _options(network: str, *more: str) -> tuple[str, ...]:
    return ("--privileged", "--network", network, "-v", f"{os.path.dirname(__file__)}:/faults:ro", *more)


class Machine(OnNode):
    """A machine that joins, and leaves no trace."""

    def __init__(self, name: str, network: str, cluster: Cluster) -> None:
        super().__init__(f"faults-{name}", "--network", network)
        self.cluster, self.hostname = cluster, self.run("hostname").strip()
        self.before = self.look()

    def words(self, role: str, *more: str) -> tuple[str, ...]:
        return ("join", *self.cluster.words[role], *more)

    def join(self, role: str, *more: str) -> None:
        done = self.bootstrap(*self.words(role, *more))
        assert done.returncode == 0, done.stdout + done.stderr
        assert ready(self.cluster, self.hostname)

    def goes_back(self) -> None:
        """`reset`, after which the machine is as it was, and the cluster without it."""
        done = self.bootstrap("reset", "--force")
        assert done.returncode == 0, done.stdout + done.stderr
        differing = sorted(set(self.look()) ^ set(self.before))
        assert differing == [], f"differs from before: {differing[:10]}"
        self.cluster.is_whole()
        self.forgotten()

    def forgotten(self) -> None:
        self.cluster.kubectl("delete", "node", "--ignore-not-found", self.hostname)


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    name = f"{PREFIX}-faults-{os.getpid()}"
    must(docker("network", "create", "--subnet", SUBNET, name))
    yield name
    docker("network", "rm", name)


@pytest.fixture(scope="module")
def cluster(network: str) -> Iterator[Cluster]:
    made = Cluster(network)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def machine(network: str, cluster: Cluster) -> Iterator[Machine]:
    """Without a cluster; tests leave it so."""
    made = Machine("second", network, cluster)
    try:
        made.join("worker")
        must(made.bootstrap("reset", "--force"))
        made.before = made.look()  # the runtime's own images and the kernel's modules stay
        made.forgotten()
        yield made
    finally:
        made.remove()


def points(machine: Machine, role: str, sweep: bool) -> range | tuple[int, ...]:
    if not sweep:
        return PARTS[role]
    count = int(must(machine.ended(LAST, KILL, *machine.words(role))).split()[-2])
    machine.goes_back()
    return range(1, count)


def stopped(done: CompletedProcess[str], code: int, *words: str) -> None:
    """One message with these words and this exit code."""
    said = done.stdout + done.stderr
    assert done.returncode == code and "Traceback" not in said, said
    assert done.stderr.count("✗") == 1 and "next " in done.stderr, said
    assert [word for word in words if word not in done.stderr] == [], said


@pytest.mark.parametrize("role", PARTS)
def test_join_killed(machine: Machine, role: str, score: Score, sweep: bool) -> None:
    """SIGKILL after a step of `join` as a {role}, then `join` to a Ready node, then `reset`."""
    for after in points(machine, role, sweep):
        with score.trial(after):
            assert machine.ended(after, KILL, *machine.words(role)).returncode == 137
            has_no_unstarted_voter(machine.cluster)
            machine.join(role)
            machine.cluster.is_whole(*((machine.hostname,) if role == "control plane" else ()))
            machine.goes_back()


@pytest.mark.parametrize("role", PARTS)
def test_join_killed_then_reset(machine: Machine, role: str, score: Score, sweep: bool) -> None:
    """SIGKILL after a step of `join` as a {role}, then `reset` at once."""
    for after in points(machine, role, sweep)[::EVERY] if sweep else PARTS_THEN_RESET[role]:
        with score.trial(after):
            assert machine.ended(after, KILL, *machine.words(role)).returncode == 137
            machine.goes_back()


def has_no_unstarted_voter(cluster: Cluster) -> None:
    for _, status, *_, learner in listed(cluster):
        assert status == "started" or learner == "true", "a member has a vote and has not started"


def test_one_of_two(machine: Machine, score: Score) -> None:
    """Two runs of `join` on one machine: one goes on, the other names it and ends with exit code 8."""
    words = machine.words("worker")
    with score.trial("lock"):
        argv = ["docker", "exec", machine.name, PYTHON, "-IS", SCRIPT, "3", "SIGSTOP", *words]
        first = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        held = until("the first holds still", lambda: machine.sh("pgrep -f '^/usr/bin/python3 -IS /faults'").stdout)
        until("it is stopped", lambda: "T" in machine.sh(f"cut -d' ' -f3 /proc/{held.split()[0]}/stat").stdout)
        stopped(machine.bootstrap(*words), 8, f"pid {held.split()[0]})")
        must(machine.sh(f"kill -CONT {held.split()[0]}"))
        assert first.wait(120) == 0, first.communicate()
        assert ready(machine.cluster, machine.hostname)
        machine.goes_back()


def test_bad_network(machine: Machine, score: Score, sweep: bool) -> None:
    """Connections to the API server that are refused, reset within an answer, or late while a machine joins."""
    for role in PARTS if sweep else ("worker",):
        with score.trial(role):
            with machine.cluster.bad_day():
                must(machine.bootstrap(*machine.words(role)))
            assert ready(machine.cluster, machine.hostname)
            machine.goes_back()


@contextmanager
def cut(machine: Machine) -> Iterator[None]:
    """No packet of etcd's members leaves or reaches the machine."""
    for rule in PEERS:
        machine.run("iptables", "-I", *rule.split())
    try:
        yield
    finally:
        for rule in PEERS:
            machine.run("iptables", "-D", *rule.split())


def test_peer_network_cut(machine: Machine, score: Score) -> None:
    """etcd's peers cannot be reached while a control plane joins: the learner is taken away again, then `join`."""
    with score.trial("cut"):
        machine.run("sh", "-c", "cat > /root/hasty.yaml", stdin=HASTY.encode())
        with cut(machine):
            done = machine.bootstrap(*machine.words("control plane", "--config", "/root/hasty.yaml"))
        stopped(done, 6)
        machine.cluster.is_whole()
        machine.join("control plane")
        machine.cluster.is_whole(machine.hostname)


def test_no_quorum(machine: Machine, network: str, score: Score, sweep: bool) -> None:
    """Too few control planes run: `join` says so, and writes nothing; they come back, and it joins."""
    machine.join("control plane")
    late = Machine("late", network, machine.cluster)
    try:
        for role in PARTS if sweep else ("worker",):
            with score.trial(role):
                words = late.words(role, "--config", "-")
                must(docker("pause", machine.name))
                done = late.exec("bootstrap", *words, stdin=HASTY.encode(), timeout=120)
                must(docker("unpause", machine.name))
                stopped(done, 6, "no quorum", "start the other control planes again")
                assert late.look() == late.before
                until("it takes writes again", lambda: machine.cluster.is_whole(machine.hostname) is None, 120)
        with score.trial("back"):
            late.join("worker")
    finally:
        late.remove()
        machine.bootstrap("reset", "--force")
