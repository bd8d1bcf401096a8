"""`docker run -d --privileged bootstrap:v1.37.0 init` on a machine with cgroup v2 and the distribution's own kernel.

The tests share one node and come in the order of its life. No address outside of the machine can be reached.
"""

from __future__ import annotations

import pytest

from tests.e2e.node import restarted
from tests.vm.emulator import Machine
from tests.vm.nodes import CONFIG_FILE, PRODUCT, SLOW_MACHINE, Node, assert_works, run_web
from tests.vm.timings import timed

PODS = "/api/v1/pods"
CONFIG_ERROR = 3
"""docs/reference/exit-codes.md"""
CLEAN_STOP = (0, 130)
"""systemd as PID 1 ends with 130 when SIGRTMIN+3 halts it."""
QUICK = 15.0
"""Seconds: Docker kills what has not stopped after ten, and this machine is slow."""


@pytest.fixture(scope="module")
def node(machine: Machine) -> Node:
    """A cluster as a newcomer to slow machines makes it."""
    machine.must("cp", "/dev/stdin", CONFIG_FILE, stdin=SLOW_MACHINE.encode())
    options = ("-d", "--privileged", "-v", f"{CONFIG_FILE}:{CONFIG_FILE}:ro")
    with timed("docker run … init, until healthy"):
        name = machine.must("docker", "run", *options, PRODUCT, "init", "--config", CONFIG_FILE).strip()
        made = Node(machine, name)
        made.wait_healthy()
    return made


@pytest.fixture(scope="module")
def web(node: Node) -> Node:
    """That cluster with a Deployment and a Service of the user's."""
    run_web(node)
    return node


def test_the_machine_is_what_no_container_can_be(machine: Machine) -> None:
    assert machine.must("stat", "--file-system", "--format=%T", "/sys/fs/cgroup").strip() == "cgroup2fs"
    assert machine.must("ip", "-4", "route", "show", "default") == ""
    assert machine.must("docker", "info", "--format", "{{.CgroupVersion}} {{.CgroupDriver}}").strip() == "2 systemd"


def test_it_comes_up_on_cgroup_v2_and_says_so(node: Node) -> None:
    log = node.logs()
    assert "cgroup v2" in log.splitlines()[0]
    assert "✗" not in log
    assert "is up in" in log


def test_pods_reach_a_service_by_name(web: Node) -> None:
    with timed("Pods that reach a Service by name"):
        assert_works(web)


def test_nothing_restarts_behind_our_back(web: Node) -> None:
    assert restarted(web.get(PODS)) == {}


def test_pods_are_in_slices_of_systemd(web: Node) -> None:
    """The kubelet and containerd agree on who makes cgroups, and v2's controllers are handed down to Pods."""
    found = web.exec("find", "/sys/fs/cgroup", "-name", "cri-containerd-*.scope")
    assert len(found.stdout.split()) > len(web.get(PODS)["items"]), found.stderr
    controllers = web.exec("cat", found.stdout.split()[0] + "/cgroup.controllers").stdout
    assert {"cpu", "memory", "pids"} <= set(controllers.split())


def test_it_survives_docker_restart(web: Node) -> None:
    with timed("docker restart, until healthy"):
        web.machine.must("docker", "restart", web.name)
        web.wait_healthy()
    assert_works(web)


def test_it_survives_a_reboot_of_the_machine(web: Node) -> None:
    with timed("reboot of the machine"):
        web.machine.reboot()
    with timed("docker start, until healthy"):
        web.machine.must("docker", "start", web.name)
        web.wait_healthy()
    assert_works(web)


def test_it_survives_a_power_cut(web: Node) -> None:
    web.machine.power_cut()
    with timed("boot after a power cut"):
        web.machine.start()
    with timed("docker start after a power cut, until healthy"):
        web.machine.must("docker", "start", web.name)
        web.wait_healthy()
    assert_works(web)


def test_it_stops_quickly(web: Node) -> None:
    with timed("docker stop"):
        web.machine.must("docker", "stop", "--time", f"{QUICK:.0f}", web.name)
    state = web.state()
    assert state["ExitCode"] in CLEAN_STOP, "it was not killed"
    assert not state["OOMKilled"]


def test_a_configuration_error_ends_the_container_with_its_code(machine: Machine) -> None:
    with timed("docker run … init with a bad flag"):
        refused = machine.run("docker", "run", "--privileged", PRODUCT, "init", "--pod-network-cidr", "banana")
    assert refused.returncode == CONFIG_ERROR, refused.stdout + refused.stderr
    assert "banana" in refused.stdout + refused.stderr
