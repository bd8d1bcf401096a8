"""One look at a node: what is made of the output of crictl, systemctl, journalctl and df."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.diagnosis.evidence import Disk, Evidence, Pending, Places, Unit
from bootstrap.host.facts.evidence import gather_evidence, glance
from bootstrap.host.facts.places import places
from bootstrap.host.facts.pods import pod_addresses, unscheduled
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts, ListeningSocket
from bootstrap.model.runtime import Runtime
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import CryptoKeySource
from tests.memory import Entry, MemoryHost

RUNTIME_HERE = Runtime("unix:///run/x.sock", unit="containerd.service", root="/var/lib/containerd", binaries="")
LOG = "/var/log/pods/kube-system_kube-apiserver-n_1/kube-apiserver/2.log"
SHOWN = "Result=exit-code\nNRestarts=3\nActiveState=activating\nId=kubelet.service\n\n"
RUNTIME = "Result=success\nNRestarts=0\nActiveState=active\nId=containerd.service\n"
DF = "Avail IFree Inodes Mounted on\n5000 12 99 /\n6000 0 0 /var/lib/etcd\n5000 12 99 /\n"


def listed(identifier: str, created: int, state: str = "CONTAINER_EXITED", **more: Any) -> dict[str, Any]:
    """As `crictl ps -a -o json` of cri-tools 1.36 prints it, less what is not read."""
    name = more.get("name", "kube-apiserver")
    return {
        "id": identifier,
        "metadata": {"name": name, "attempt": more.get("attempt", 2)},
        "state": state,
        "createdAt": str(created * 10**9),
        "labels": {
            "io.kubernetes.pod.name": f"{name}-n",
            "io.kubernetes.pod.namespace": more.get("namespace", "kube-system"),
        },
    }


class BrokenNode(MemoryHost):
    """Answers the commands of a look; `containers` is what crictl lists, None for a runtime that is silent."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        super().__init__()
        self.containers: tuple[dict[str, Any], ...] | None = containers
        for path in ("/etc/kubernetes", names.ETCD_DATA_DIR, "/var/log"):
            self.mkdir(path, 0o755)
        self.has(LOG, b"2026-11-21T16:18:12.123456789Z stderr F Error: unknown flag: --x\n")

    def has(self, path: str, content: bytes, mtime: float = 0.0) -> None:
        self.mkdir(path.rpartition("/")[0], 0o755)
        self.entries[path] = Entry("file", 0o600, content, mtime=mtime)

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        super().run(argv, timeout)
        match argv[0], argv[1:]:
            case "/crictl", _ if self.containers is None:
                raise BootstrapError("crictl failed", code=Exit.EFFECT, details=("connect: no such file",))
            case "/crictl", [_, "ps", *_]:
                return json.dumps({"containers": self.containers})
            case "/crictl", [_, "inspect", *_]:
                return json.dumps({"status": {"exitCode": 1, "reason": "Error", "message": "", "logPath": LOG}})
            case "systemctl", _:
                return SHOWN + RUNTIME
            case "journalctl", words:
                return "a\nb\n" if "kubelet" in words else ""
            case _:
                return DF


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server of a broken node does not answer."""
    monkeypatch.setattr("bootstrap.host.facts.evidence.pending", lambda host: ())
    monkeypatch.setattr("bootstrap.host.facts.evidence.unsigned", lambda host: ())


def look(node: BrokenNode, since: float = 0) -> Evidence:
    return gather_evidence(node, RUNTIME_HERE, since)


def test_of_each_container_the_newest_counts_with_its_log() -> None:
    (container,) = look(BrokenNode(listed("old", 100), listed("new", 200, attempt=3))).containers

    assert (container.component, container.state, container.ends) == ("kube-apiserver", "exited", 4)
    assert (container.exit_code, container.reason) == (1, "Error")
    assert container.log == ("Error: unknown flag: --x",)


def test_old_lines_of_a_running_container_do_not_count() -> None:
    (container,) = look(BrokenNode(listed("new", 200, "CONTAINER_RUNNING"))).containers

    assert container.log == ()


def test_what_says_it_once_is_read_from_the_beginning() -> None:
    (container,) = look(BrokenNode(listed("new", 200, "CONTAINER_RUNNING", name="keepalived"))).containers

    assert container.log == ("Error: unknown flag: --x",)


def test_a_glance_asks_nothing_about_what_runs() -> None:
    node = BrokenNode(listed("a", 200, "CONTAINER_RUNNING"), listed("b", 300, name="etcd"))
    seen = glance(node, RUNTIME_HERE, 100)

    assert [line.split()[-1] for line in node.log if "inspect" in line] == ["b"]
    assert {c.component: c.log for c in seen.containers} == {
        "kube-apiserver": (),
        "etcd": ("Error: unknown flag: --x",),
    }
    assert "df" not in {line.split()[0] for line in node.log}


def test_containers_of_users_of_earlier_runs_and_of_older_manifests_do_not_count() -> None:
    node = BrokenNode(listed("a", 100), listed("b", 300, name="web", namespace="shop"), listed("c", 200, name="etcd"))
    node.has(f"{names.MANIFESTS_DIR}/etcd.yaml", b"", 250.0)

    assert look(node, since=150).containers == ()
    assert [c.component for c in look(node).containers] == ["kube-apiserver"]


def test_a_runtime_that_is_silent_is_evidence() -> None:
    node = BrokenNode()
    node.containers = None

    assert look(node).runtime_error == "crictl failed connect: no such file"


def test_units_come_with_their_journal() -> None:
    kubelet = look(BrokenNode()).unit("kubelet")

    assert kubelet == Unit("kubelet", "activating", "exit-code", 3, ("a", "b"))
    assert look(BrokenNode()).unit("containerd") == Unit("containerd", "active", "success", 0, ())


def test_listeners_are_named_with_program_and_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    there = (
        ListeningSocket(6443, "::", 812, "haproxy", "haproxy.service"),
        ListeningSocket(2379, pid=77, process="etcd"),
    )
    monkeypatch.setattr("bootstrap.host.facts.evidence.listeners", lambda: (*there, ListeningSocket(2024)))

    assert look(BrokenNode(listed("a", 100))).listeners == {
        2379: "pid 77, etcd",
        6443: "pid 812, haproxy, unit haproxy.service",
    }


def test_each_filesystem_is_told_once() -> None:
    disks = look(BrokenNode()).disks

    assert disks == (Disk("/etc/kubernetes", 5000, 12), Disk(names.ETCD_DATA_DIR, 6000, None))


@pytest.fixture(scope="module")
def issued() -> dict[str, bytes]:
    """The PKI and the kubeconfigs of a node, a year and a day old, with a CA that was replaced for the front proxy."""
    facts = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.10", True),))
    cfg, keys = resolve(Documents(), Overrides(), facts), CryptoKeySource()
    begun = datetime.now(UTC) - timedelta(days=366)
    pki = {file.path: file.content for file in issue_pki(cfg, {}, keys, begun)}
    other = {file.path: file.content for file in issue_pki(cfg, {}, keys, begun)}
    kubeconfigs = {file.path: file.content for file in issue_kubeconfigs(Ground(cfg, pki, keys, begun), {})}
    return {**pki, **kubeconfigs, f"{names.PKI_DIR}/front-proxy-ca.crt": other[f"{names.PKI_DIR}/front-proxy-ca.crt"]}


def test_certificates_are_looked_at_wherever_they_lie(issued: dict[str, bytes]) -> None:
    node = BrokenNode()
    for path, content in issued.items():
        node.has(path, content)
    evidence = look(node)
    ended = {c.path.removeprefix("/etc/kubernetes/") for c in evidence.certificates if c.not_after < evidence.now}
    foreign = [c.path for c in evidence.certificates if not c.issued]

    assert {"pki/apiserver.crt", "pki/etcd/server.crt", "admin.conf", "kubelet.conf"} <= ended
    assert not {name for name in ended if name.endswith("ca.crt")}
    assert foreign == [f"{names.PKI_DIR}/front-proxy-client.crt"]


def test_places_are_read_from_what_runs_then_from_what_is_stored() -> None:
    node = BrokenNode()
    assert places(node) == Places()

    stored = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificatesDir: /srv/pki/\n"
    node.has(names.STATE_CONFIG, f"{stored}etcd: {{local: {{dataDir: /srv/etcd}}}}\n".encode())
    assert places(node) == Places("/srv/pki", "/srv/etcd")

    flags = [
        "--listen-client-urls=https://127.0.0.1:12379",
        "--initial-advertise-peer-urls=https://192.0.2.10:2380",
        "--data-dir=/data/etcd",
        "--trusted-ca-file=/k/etcd/ca.crt",
        "--cert-file=/k/etcd/server.crt",
        "--key-file=/k/etcd/server.key",
    ]
    pod = {"spec": {"containers": [{"command": ["etcd", *flags]}]}}
    node.has(names.KUBELET_CONFIG, b"staticPodPath: /srv/pods\nauthentication: {x509: {clientCAFile: /k/ca.crt}}\n")
    node.has("/srv/pods/etcd.yaml", json.dumps(pod).encode())
    assert places(node) == Places("/k", "/data/etcd", 12379)


@pytest.mark.parametrize("nonsense", [b"[", b"- 1\n", b"authentication: 1\n", b"authentication: {x509: []}\n"])
def test_what_cannot_be_read_says_no_place(nonsense: bytes) -> None:
    node = BrokenNode()
    node.has(names.KUBELET_CONFIG, nonsense)
    node.has(names.STATE_CONFIG, nonsense)

    assert places(node) == Places()


def test_certificates_are_looked_for_where_the_configuration_has_them(issued: dict[str, bytes]) -> None:
    node = BrokenNode()
    node.has(names.KUBELET_CONFIG, b"authentication: {x509: {clientCAFile: /srv/pki/ca.crt}}\n")
    for path, content in issued.items():
        node.has(path.replace(names.PKI_DIR, "/srv/pki"), content)
    node.has(names.KUBELET_CLIENT_CURRENT, issued[f"{names.PKI_DIR}/apiserver-kubelet-client.crt"])

    evidence = look(node)
    found = {c.path for c in evidence.certificates if c.not_after < evidence.now}

    assert {"/srv/pki/apiserver.crt", "/srv/pki/etcd/server.crt", names.KUBELET_CLIENT_CURRENT} <= found
    assert [c.path for c in evidence.certificates if not c.issued] == ["/srv/pki/front-proxy-client.crt"]


def test_addresses_that_pods_were_given() -> None:
    node = BrokenNode()
    for name in ("10.244.0.2", "10.244.0.3", "last_reserved_ip.0", "lock"):
        node.has(f"/var/lib/cni/networks/cbr0/{name}", b"")

    assert pod_addresses(node) == ("10.244.0.2", "10.244.0.3")


def waiting(name: str, status: str = "False", *tolerations: dict[str, str]) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": status, "message": "no node"}
    metadata, spec = {"namespace": "tool", "name": name}, {"tolerations": list(tolerations)}
    return {"metadata": metadata, "spec": spec, "status": {"conditions": [condition]}}


def test_pods_that_find_no_node() -> None:
    new = {"metadata": {"namespace": "tool", "name": "new"}}

    assert unscheduled([waiting("a"), waiting("b", "True"), new], []) == (Pending("tool/a", "no node"),)


@pytest.mark.parametrize(
    ("toleration", "left"),
    [
        ({"key": "x", "operator": "Exists"}, ("y",)),
        ({"key": "x", "value": "1", "effect": "NoSchedule"}, ("y",)),
        ({"key": "x", "value": "2"}, ("x", "y")),
        ({"key": "x", "operator": "Exists", "effect": "NoExecute"}, ("x", "y")),
        ({"operator": "Exists"}, ()),
    ],
)
def test_taints_that_a_pod_does_not_tolerate(toleration: dict[str, str], left: tuple[str, ...]) -> None:
    taints = [
        {"key": "x", "value": "1", "effect": "NoSchedule"},
        {"key": "y", "effect": "NoExecute"},
        {"key": "z", "effect": "PreferNoSchedule"},
    ]

    (found,) = unscheduled([waiting("a", "False", toleration)], [{"spec": {"taints": taints}}, {"spec": {}}])

    assert found.taints == left
