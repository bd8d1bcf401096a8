"""`init`, a reboot, a power cut and `reset` on a machine that runs Docker and somebody else's container.

The tests share the machine and come in the order of its life. It has an address and no default route.
"""

from __future__ import annotations

from difflib import unified_diff

import pytest

from tests.vm.emulator import Machine
from tests.vm.nodes import CONFIG_FILE, SLOW_MACHINE, WEB_IMAGE, Host, assert_works, run_web
from tests.vm.timings import timed

CONFIG = f"""\
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
workloadsOnControlPlane: true
---
{SLOW_MACHINE}"""
STATE = r"""
systemctl list-unit-files --no-legend --no-pager | sort
systemctl list-units --no-legend --no-pager --plain --type=service,socket,timer --state=active | awk '{print $1}' | sort
awk '{print $2, $3}' /proc/mounts | grep -v /run/docker/netns | sort
ip -br link | sed 's/@.*//' | awk '{print $1}' | grep -v '^veth' | sort
ip rule; ip -6 rule
ip route show table all | grep -v -e veth -e '^local fe80:.* dev docker0 ' | sort
iptables-save | grep -E '^-A|^:.* -' | sed 's/\[.*//' | sort
ip6tables-save | grep -E '^-A|^:.* -' | sed 's/\[.*//' | sort
nft list tables | sort
sysctl net.ipv4.ip_forward
find /etc /opt /root /srv /usr /var/lib -xdev -not -path '/var/lib/docker/*' -not -path '/var/lib/containerd/*' \
  -not -path '/var/lib/systemd/*' -printf '%p %M %u %g %l\n' | sort
find /etc /opt /root /usr/local -xdev -type f -exec sha256sum {} + | sort -k2
"""
"""What the machine is like, in words that do not change by themselves (docker0's own address does at each boot)."""


@pytest.fixture(scope="module")
def before(machine: Machine) -> str:
    """The machine with a busy container, before anything of ours."""
    machine.must("docker", "run", "-d", "--name", "busy", "--restart=always", WEB_IMAGE, "serve", ":9000")
    machine.must("cp", "/dev/stdin", CONFIG_FILE, stdin=CONFIG.encode())
    return machine.must("sh", "-c", STATE)


@pytest.fixture(scope="module")
def host(machine: Machine, before: str) -> Host:
    """The machine as a node."""
    host = Host(machine)
    with timed("host mode: init"):
        made = host.bootstrap("init", "--config", CONFIG_FILE)
    assert made.returncode == 0, made.stdout + made.stderr + host.bootstrap("diagnose").stdout
    assert "host mode" in made.stdout.splitlines()[0]
    assert "cgroup v2" in made.stdout.splitlines()[0]
    return host


def test_pods_reach_a_service_by_name(host: Host) -> None:
    host.wait_ready()
    run_web(host)
    with timed("host mode: Pods that reach a Service by name"):
        assert_works(host)


def test_the_busy_container_never_noticed(host: Host) -> None:
    state = host.machine.must("docker", "inspect", "--format", "{{.State.Running}} {{.RestartCount}}", "busy")
    assert state.split() == ["true", "0"]


def test_a_reboot_needs_nobody(host: Host) -> None:
    with timed("host mode: reboot of the machine"):
        host.machine.reboot()
    with timed("host mode: from the boot's end to Ready"):
        host.wait_ready()
    assert_works(host)


def test_a_power_cut_needs_nobody(host: Host) -> None:
    host.machine.power_cut()
    with timed("host mode: boot after a power cut"):
        host.machine.start()
    with timed("host mode: from the boot's end to Ready, after a power cut"):
        host.wait_ready()
    assert_works(host)


def test_a_second_init_changes_nothing(host: Host) -> None:
    again = host.bootstrap("init", "--config", CONFIG_FILE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing changed" in again.stdout


def test_reset_takes_it_all_back(host: Host, before: str) -> None:
    with timed("host mode: reset"):
        done = host.bootstrap("reset", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    after = host.machine.must("sh", "-c", STATE)
    assert list(unified_diff(before.splitlines(), after.splitlines(), n=0)) == []
    assert host.machine.must("docker", "inspect", "--format", "{{.State.Running}}", "busy").strip() == "true"
