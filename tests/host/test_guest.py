"""`init` and `reset` on a machine that is not ours: Docker and its containers never notice.

Needs a Docker engine and the product's image; makes one machine (a systemd container with an engine of its own).
"""

from __future__ import annotations

import json

import pytest
from machine import BUSY, Machine
from node import must, until

CONFIG = """\
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
workloadsOnControlPlane: true
---
# The machine's disk is that of whoever runs this test: how full it is says nothing.
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
evictionHard: {imagefs.available: 1%, nodefs.available: 1%, nodefs.inodesFree: 1%}
"""
WEB = """\
kubectl create deployment web --image=localhost/bootstrap/kube-proxy:v1.37.0_bootstrap.1 --replicas=2 -- \
  sh -c 'while :; do sleep 1; done' """
STATE = """
systemctl list-unit-files --no-legend --no-pager | awk '{print $1, $2}' | sort
ip -br link | sed 's/@.*//' | awk '{print $1}' | grep -v '^veth' | sort
nft list ruleset | grep -E '^table|jump|accept|drop' | grep -B1 -E '^\\s' | grep ^table | sort
iptables-save | grep -E '^-A|^:.* -' | grep -v -E 'DOCKER_(OUTPUT|POSTROUTING)' | sed 's/\\[.*//' | sort
sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables
cat /proc/mounts | awk '{print $2}' | grep -v /run/docker/netns | sort
find /etc /opt /usr/local /var/lib /root -xdev -not -path '/var/lib/docker/*' -not -path '/var/lib/containerd/*' \
  -not -path '/var/lib/systemd/*' -not -path '/root/.kube*' -printf '%p %M %u %g %l\\n' | sort
find /etc /opt /usr/local -xdev -type f -exec sha256sum {} + | sort -k2
"""


@pytest.fixture(scope="module")
def before(machine: Machine) -> str:
    """What the machine is like, in words that do not change by themselves."""
    machine.must(f"cat > /root/config.yaml <<'END'\n{CONFIG}END")
    return machine.must(STATE)


def init(machine: Machine) -> str:
    return must(machine.bootstrap("init", "--config", "/root/config.yaml"))


def ready(machine: Machine) -> bool:
    nodes = json.loads(must(machine.kubectl("get", "nodes", "-o", "json")))["items"]
    conditions = [c for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    return bool(conditions) and all(c["status"] == "True" for c in conditions)


def test_init_makes_the_machine_a_node(machine: Machine, before: str) -> None:
    output = init(machine)
    assert "host mode" in output.splitlines()[0]
    assert ready(machine)
    assert "bootstrap" not in machine.must("docker ps --format '{{.Names}} {{.Command}}' | grep -v busy || true")


def test_a_second_init_changes_nothing(machine: Machine, before: str) -> None:
    assert "nothing changed" in init(machine)


def test_the_kubelet_is_the_hosts_own(machine: Machine, before: str) -> None:
    assert machine.must("systemctl is-enabled kubelet bootstrap-containerd").split() == ["enabled", "enabled"]
    assert machine.must("stat -c %a /etc/systemd/system/kubelet.service.d/10-kubeadm.conf").strip() == "600"
    machine.must("systemd-analyze verify /etc/systemd/system/kubelet.service")


def test_the_machine_boots_into_the_same_cluster(machine: Machine, before: str) -> None:
    machine.reboot()
    until("the node is Ready again", lambda: ready(machine), 180)
    must(
        machine.kubectl(
            "wait", "-n", "kube-system", "deployment/coredns", "--for=condition=Available", "--timeout=120s"
        )
    )


def test_reset_takes_it_all_back(machine: Machine, before: str) -> None:
    refused = machine.bootstrap("reset")
    assert refused.returncode == 2 and "--force" in refused.stderr
    done = machine.bootstrap("reset", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(set(machine.must(STATE).splitlines()) ^ set(before.splitlines())) == []


def test_dockers_container_never_noticed(machine: Machine, before: str) -> None:
    assert machine.must(f"docker inspect -f '{{{{.RestartCount}}}}' {BUSY}").strip() == "0"
