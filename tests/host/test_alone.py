"""A machine without a default route, whose /usr cannot be written and whose containerd has CRI disabled.

Another Kubernetes was there before. Needs a Docker engine and the product's image; makes one machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.node import must, until
from tests.host.machine import Machine

PREFLIGHT, CONFLICT = 4, 8
SERVICES = "10.96.0.0/12"
KUBECTL = "/opt/bootstrap/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf"
LEFTOVERS = """
mkdir -p /etc/kubernetes/manifests /etc/kubernetes/pki/etcd /var/lib/kubelet/pki /var/lib/etcd/member/wal
for name in admin super-admin kubelet controller-manager scheduler; do echo old > /etc/kubernetes/$name.conf; done
for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  echo old > /etc/kubernetes/manifests/$name.yaml
done
echo old > /etc/kubernetes/pki/ca.crt; echo old > /etc/kubernetes/pki/etcd/ca.key
echo old > /var/lib/kubelet/config.yaml; echo old > /var/lib/etcd/member/wal/0.wal
mkdir -p /var/lib/kubelet/pods/1/volumes/token; mount -t tmpfs tmpfs /var/lib/kubelet/pods/1/volumes/token
mkdir -p /etc/cni/net.d; echo theirs > /etc/cni/net.d/10-theirs.conflist
"""
"""What a node that `kubeadm reset` never saw has."""


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine]) -> Machine:
    made = make("alone", network=("--internal",))
    made.must("""echo 'disabled_plugins = ["cri"]' > /etc/containerd/config.toml""")  # as Docker's own packages have it
    made.must("mkdir -p /usr/lib/modules")  # where a machine with a kernel of its own has it
    made.must("systemctl restart containerd docker && mount --bind /usr /usr && mount -o remount,bind,ro /usr")
    made.load_product()
    return made


def test_leftovers_of_kubeadm_stop_init_and_are_named(machine: Machine) -> None:
    machine.must(LEFTOVERS)
    there = machine.state()
    refused = machine.bootstrap("init", "--config", "/root/config.yaml")
    assert refused.returncode == PREFLIGHT, refused.stdout + refused.stderr
    said = refused.stdout + refused.stderr
    assert "kubeadm was here and left /etc/kubernetes/pki" in said
    assert "[DirAvailable--var-lib-etcd]" in said
    assert machine.state() == there


def test_reset_without_a_journal_does_what_kubeadm_does_and_says_so(machine: Machine) -> None:
    shown = must(machine.bootstrap("reset", "--dry-run"))
    assert "bootstrap did not make this node" in shown
    done = must(machine.bootstrap("reset", "--force"))
    assert "what kubeadm reset would remove is gone" in done
    assert machine.must("find /etc/kubernetes /var/lib/kubelet /var/lib/etcd -mindepth 1 | sort").split() == [
        "/etc/kubernetes/manifests",
        "/etc/kubernetes/pki",
    ]
    assert machine.must("cat /etc/cni/net.d/10-theirs.conflist").strip() == "theirs"
    again = machine.bootstrap("reset", "--force")
    assert again.returncode == CONFLICT
    assert "there is nothing to reset" in again.stderr


@pytest.fixture(scope="module")
def before(machine: Machine) -> list[str]:
    return machine.state()


@pytest.fixture(scope="module")
def shared(machine: Machine) -> str:
    """An address of the machine's network that nobody has."""
    return f"{machine.address().rpartition('.')[0]}.200"


def test_init_brings_a_runtime_a_route_and_an_address(machine: Machine, before: list[str], shared: str) -> None:
    output = machine.init("--control-plane-vip", shared)
    assert "there is no default route" in output
    assert machine.is_ready()
    assert machine.must("systemctl is-active bootstrap-containerd").strip() == "active"
    assert machine.must(f"ip route show {SERVICES}").split()[:3] == [SERVICES, "dev", "eth0"]
    assert f" {shared}/32 " in machine.must("ip -br address show eth0")
    assert (
        machine.must(f"{KUBECTL} config view -o jsonpath={{.clusters[0].cluster.server}}") == f"https://{shared}:6443"
    )


def test_a_process_of_the_machine_reaches_a_service(machine: Machine) -> None:
    ask = "--server https://10.96.0.1 get --raw /readyz"
    assert machine.must(f"{KUBECTL} {ask}") == "ok"


def test_preflight_of_a_living_node_is_json(machine: Machine) -> None:
    shown = json.loads(must(machine.bootstrap("preflight", "-o", "json")))
    assert "DefaultRoute" in json.dumps(shown)


def test_certificates_and_etcd_are_handled_from_outside(machine: Machine) -> None:
    done = json.loads(must(machine.bootstrap("certs", "renew", "all", "-o", "json")))
    assert done["restarted"] == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    must(machine.bootstrap("etcd", "snapshot", "save", "/run/a.db"))
    kept = json.loads(must(machine.bootstrap("etcd", "restore", "/run/a.db", "--yes", "-o", "json")))["before"]
    assert machine.must(f"ls {kept}").strip() == "member"
    until("the node is Ready", machine.is_ready)
    machine.must("rm /run/a.db /run/a.db.json")


def test_reset_takes_route_and_address_back_too(machine: Machine, before: list[str], shared: str) -> None:
    must(machine.bootstrap("reset", "--force"))
    assert machine.must(f"ip route show {SERVICES}") == ""
    assert shared not in machine.must("ip -br address")
    assert sorted(set(machine.state()) ^ set(before)) == []
