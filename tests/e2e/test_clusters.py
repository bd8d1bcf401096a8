"""A cluster of several nodes from one line, by the Docker engine's socket, and all that is done with it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from bootstrap.model import names
from bootstrap.render.pki.certs import CertSpec, request
from bootstrap.render.pki.keys import CryptoKeySource
from tests.e2e.joined import serves
from tests.e2e.node import IMAGE, PREFIX, Node, docker, must, until
from tests.e2e.web import MANIFEST, both_answer

CLUSTER = f"{PREFIX}-{os.getpid()}"
FIRST = f"{CLUSTER}-control-plane"
NODES = (FIRST, f"{CLUSTER}-worker", f"{CLUSTER}-worker2")
SOCKET = ("-v", "/var/run/docker.sock:/var/run/docker.sock")

KIND = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: another
nodes:
- role: control-plane
  kubeadmConfigPatches:
  - |
    kind: InitConfiguration
    nodeRegistration:
      kubeletExtraArgs:
        node-labels: "ingress-ready=true"
- role: worker
  labels: {tier: frontend}
networking: {kubeProxyMode: nftables}
kubeadmConfigPatches:
- "{kind: KubeletConfiguration, maxPods: 77}"
kubeadmConfigPatchesJSON6902:
- kind: ClusterConfiguration
  group: kubeadm.k8s.io
  version: v1beta3
  patch: '[{op: add, path: /apiServer/certSANs/-, value: b.example.test}]'
containerdConfigPatches:
- |-
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:5001"]
    endpoint = ["http://kind-registry:5000"]
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.gvisor]
    runtime_type = "io.containerd.runsc.v1"
"""


CLAIM = b"""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Mi } }
---
apiVersion: v1
kind: Pod
metadata: { name: writer }
spec:
  terminationGracePeriodSeconds: 0
  securityContext: { runAsUser: 1000 }
  containers:
    - name: writer
      image: localhost/bootstrap/local-path-provisioner:v0.0.30
      command: [sh, -c, "echo kept >/data/word; exec sleep 1000"]
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
"""


FORGED = b"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: %s-forged }
spec:
  signerName: kubernetes.io/kubelet-serving
  usages: [digital signature, server auth]
  request: %s
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's ~/.kube, with a cluster of somebody else's."""
    folder = tmp_path_factory.mktemp("kube")
    (folder / "config").write_text(
        '# mine\napiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\ncurrent-context: ""\n'
    )
    return folder


def bootstrap(*words: str, home: Path | None = None, timeout: float = 300, stdin: str = "") -> str:
    """The command as a user types it."""
    mounted = ("-v", f"{home}:/root/.kube") if home else ()
    run = ("run", "--rm", "-i", *SOCKET, *mounted, IMAGE, "cluster", *words)
    return must(docker(*run, timeout=timeout, stdin=stdin.encode()))


def left(cluster: str) -> list[str]:
    """Containers and networks of a cluster."""
    label = f"label=bootstrap.cluster={cluster}"
    containers = must(docker("ps", "-aq", "--filter", label)).split()
    return containers + must(docker("network", "ls", "-q", "--filter", label)).split()


def volumes() -> set[str]:
    return set(must(docker("volume", "ls", "-q")).split())


def readiness(first: Node) -> dict[str, str]:
    return {
        node["metadata"]["name"]: next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
        for node in first.get("nodes")["items"]
    }


@pytest.fixture(scope="module")
def first(home: Path) -> Iterator[Node]:
    """The control plane of a cluster with two workers, of a file as people have it for kind."""
    config = (home / "config").read_bytes()
    told = ("--events", "/root/.kube/events", "--timings", "/root/.kube/timings.html")
    said = bootstrap("create", CLUSTER, "--workers", "2", "--config", "-", *told, home=home, stdin=KIND)
    assert f"{CLUSTER} is up in" in said
    yield Node.found(FIRST)
    theirs = set(must(docker("inspect", *NODES, "-f", "{{range .Mounts}}{{.Name}} {{end}}")).split())
    bootstrap("delete", CLUSTER, home=home)
    assert left(CLUSTER) == []
    assert len(theirs) == 3 * len(NODES)
    assert not theirs & volumes(), "the nodes' volumes went with them"
    assert (home / "config").read_bytes() == config


def test_all_nodes_are_ready(first: Node) -> None:
    assert readiness(first) == dict.fromkeys(NODES, "True")
    listed = json.loads(bootstrap("nodes", CLUSTER, "-o", "json"))["nodes"]
    assert {(node["name"], node["state"]) for node in listed} == {(name, "running") for name in NODES}
    assert {"name": CLUSTER, "nodes": 3, "running": 3} in json.loads(bootstrap("list", "-o", "json"))["clusters"]


def test_every_kubelet_shows_what_the_cluster_has_signed(first: Node) -> None:
    """Also after a rotation; a node that asks for another's names does not get them."""
    assert [name for name in NODES if not serves(first, name)] == []
    worker, folder = Node.found(NODES[1]), "/var/lib/kubelet/pki"
    before = worker.run("readlink", f"{folder}/kubelet-server-current.pem")
    worker.run("sh", "-c", f"rm {folder}/kubelet-server-*; systemctl restart kubelet")

    spec = CertSpec(f"system:node:{NODES[1]}", ("system:nodes",), sans=(NODES[1], "kubernetes.default"))
    pem = b64encode(request(spec, CryptoKeySource().new("ECDSA-P256"))).decode()
    asked = FORGED % (NODES[1].encode(), pem.encode())
    worker.run("kubectl", "--kubeconfig=/etc/kubernetes/kubelet.conf", "create", "-f", "-", stdin=asked)
    until("it has another one", lambda: worker.exec("readlink", f"{folder}/kubelet-server-current.pem").stdout)
    until("it is verified", lambda: serves(first, NODES[1]))
    assert before != worker.run("readlink", f"{folder}/kubelet-server-current.pem")
    said = until("it is left", lambda: first.exec("bootstrap", "certs", "approve", "--dry-run").stdout)
    assert f"{NODES[1]}-forged of node {NODES[1]} is left: kubernetes.default: not among" in said
    followed = first.run("journalctl", "-u", "bootstrap-kubelet-certificates")
    assert f"{NODES[1]}-forged of node {NODES[1]} is left" in followed


def test_what_the_file_says_is_so(first: Node) -> None:
    labels = {node["metadata"]["name"]: node["metadata"]["labels"] for node in first.get("nodes")["items"]}
    assert labels[FIRST]["ingress-ready"] == "true"
    assert [labels[name].get("tier") for name in NODES] == [None, "frontend", None]
    proxy = first.get("configmap", "kube-proxy", "-n", "kube-system")["data"]["config.conf"]
    assert "mode: nftables" in proxy
    for name in NODES:
        node = Node.found(name)
        assert "http://kind-registry:5000" in node.run("cat", "/etc/containerd/certs.d/localhost:5001/hosts.toml")
        assert "gvisor" in node.run("crictl", "info")
    kubelet = yaml.safe_load(Node.found(NODES[2]).run("cat", "/var/lib/kubelet/config.yaml"))
    assert kubelet["maxPods"] == 77
    assert "b.example.test" in first.run("cat", "/etc/kubernetes/bootstrap/config.yaml")


def test_events_are_one_stream_and_the_page_has_a_lane_for_each_node(first: Node, home: Path) -> None:
    events = [json.loads(line) for line in (home / "events").read_text().splitlines()]
    assert {event["node"] for event in events} == {"", *NODES}
    assert {event["node"] for event in events if event["event"] == "run-done"} == {"", *NODES}
    ends = [event["event"] for event in events if not event["node"]]
    assert (ends[0], ends[-1]) == ("run-started", "run-done")
    page = (home / "timings.html").read_text()
    assert [page.count(f"<h2>{name}</h2>") for name in NODES] == [1, 1, 1]


def test_nothing_secret_is_shown(first: Node) -> None:
    tokens = first.kubectl("-n", "kube-system", "get", "secrets", "-o", "name")
    identifier = next(line for line in tokens.splitlines() if "bootstrap-token" in line).rpartition("-")[2]
    for node in NODES:
        assert identifier not in must(docker("inspect", node))
        assert identifier not in must(docker("top", node, "-eo", "pid,args"))


def test_the_kubeconfig_works_outside(first: Node, home: Path) -> None:
    text = (home / "config").read_text()
    assert text.startswith("# mine\n")
    assert yaml.safe_load(text)["current-context"] == f"bootstrap-{CLUSTER}"
    asked = ("--entrypoint", "kubectl", "-e", "KUBECONFIG=/root/.kube/config", "-v", f"{home}:/root/.kube", IMAGE)
    assert FIRST in must(docker("run", "--rm", "--network", "host", *asked, "get", "nodes", "-o", "name"))

    (home / "internal").write_text(bootstrap("kubeconfig", CLUSTER, "--internal"))
    asked = ("--entrypoint", "kubectl", "-e", "KUBECONFIG=/root/.kube/internal", "-v", f"{home}:/root/.kube", IMAGE)
    assert FIRST in must(docker("run", "--rm", "--network", CLUSTER, *asked, "get", "nodes", "-o", "name"))


def test_images_are_loaded_and_a_service_reaches_both_workers(first: Node, app_image: str) -> None:
    loaded = json.loads(bootstrap("load", app_image, "--name", CLUSTER, "-o", "json"))
    assert loaded["loaded"] == {app_image: list(NODES)}
    again = json.loads(bootstrap("load", app_image, "--name", CLUSTER, "-o", "json"))
    assert again["loaded"] == {app_image: []}

    first.kubectl("apply", "-f", "-", stdin=MANIFEST)
    both_answer(first)
    assert {pod["spec"]["nodeName"] for pod in first.get("pods", "-l", "app=web")["items"]} == set(NODES[1:])


def ingress(node: Node) -> list[str]:
    """The addresses of the LoadBalancer Service web."""
    return [entry["ip"] for entry in node.get("service", "web")["status"]["loadBalancer"].get("ingress", ())]


def answers(address: str) -> bool:
    """To the engine's host."""
    where = f"[{address}]" if ":" in address else address
    try:
        return urllib.request.urlopen(f"http://{where}/", timeout=5).status == 200
    except OSError:
        return False


def test_a_load_balancer_service_has_an_address_that_the_engines_host_reaches(first: Node) -> None:
    first.kubectl("patch", "service", "web", "-p", '{"spec": {"type": "LoadBalancer"}}')
    (address,) = until("an address", lambda: ingress(first))

    subnet = must(docker("network", "inspect", CLUSTER, "-f", "{{(index .IPAM.Config 0).Subnet}}"))
    assert ip_address(address) in ip_network(subnet.strip())
    until(f"{address} answers", lambda: answers(address), 60)


def test_a_claim_gets_a_volume_on_the_node_of_its_pod(first: Node) -> None:
    first.kubectl("apply", "-f", "-", stdin=CLAIM)
    first.kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=60s")
    worker = Node.found(first.get("pod", "writer")["spec"]["nodeName"])

    assert worker.name in NODES[1:]
    assert worker.run("sh", "-c", "cat /var/local-path-provisioner/*/word") == "kept\n"
    first.kubectl("delete", "pod/writer", "pvc/data")
    until("the folder is gone", lambda: not worker.run("ls", "/var/local-path-provisioner"), 60)


def test_logs_have_a_folder_for_each_node(first: Node) -> None:
    run = ("docker", "run", "--rm", *SOCKET, IMAGE, "cluster", "logs", CLUSTER)
    archive = subprocess.run(run, capture_output=True, check=True, timeout=120).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {member.name: member for member in tar}
        journal = tar.extractfile(found[f"{NODES[1]}/journal.log"])
        assert journal and b"kubelet" in journal.read()
    for node in NODES:
        assert {f"{node}/container.log", f"{node}/diagnosis.json"} <= set(found)
        assert any(name.startswith(f"{node}/pods/") for name in found)
    assert {f"{FIRST}/manifests/etcd.yaml", "cluster/events.txt", "cluster/nodes.yaml"} <= set(found)


def test_it_comes_back_after_a_rest_and_after_a_restart(first: Node) -> None:
    addresses = [Node.found(name).address() for name in NODES]
    bootstrap("stop", CLUSTER)
    assert {node["state"] for node in json.loads(bootstrap("nodes", CLUSTER, "-o", "json"))["nodes"]} == {"exited"}
    bootstrap("start", CLUSTER)
    assert readiness(first) == dict.fromkeys(NODES, "True")

    must(docker("restart", *reversed(NODES)))
    until("all Ready", lambda: readiness(first) == dict.fromkeys(NODES, "True"), 90)
    assert [Node.found(name).address() for name in NODES] == addresses
    until("both answer", lambda: both_answer(first), 90)
    until("the address answers again", lambda: answers(ingress(first)[0]), 60)


def test_another_image_takes_all_nodes_over_with_what_they_have(first: Node, home: Path) -> None:
    """The kubeconfig that the user has serves on; and what was loaded, made and asked for is there."""
    first.kubectl("apply", "-f", "-", stdin=CLAIM)
    first.kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=60s")
    first.kubectl("delete", "pod/writer")
    kubeconfig, addresses = (home / "config").read_bytes(), [Node.found(name).address() for name in NODES]
    done = json.loads(bootstrap("upgrade", CLUSTER, "-o", "json", "--image", f"{IMAGE}-2", timeout=600))

    after = names.BUILT_VERSION.replace("bootstrap.1", "bootstrap.2")
    assert (done["before"], done["after"], list(done["seconds"])) == (names.BUILT_VERSION, after, list(NODES))
    stored = [Node.found(name).run("grep", "^kubernetesVersion", names.STATE_CONFIG) for name in NODES]
    assert stored == [f"kubernetesVersion: {after}\n"] * len(NODES)
    assert readiness(first) == dict.fromkeys(NODES, "True")
    assert not any(node["spec"].get("unschedulable") for node in first.get("nodes")["items"])
    assert [Node.found(name).address() for name in NODES] == addresses
    assert (home / "config").read_bytes() == kubeconfig
    run = ("--network", "host", "-v", f"{home}:/k:ro", "--entrypoint", "/usr/bin/kubectl", IMAGE)
    must(docker("run", "--rm", *run, "--kubeconfig", "/k/config", "get", "--raw", "/readyz"))

    first.kubectl("apply", "-f", "-", stdin=MANIFEST)  # nobody but us makes the client again
    until("both answer", lambda: both_answer(first), 90)
    first.kubectl("apply", "-f", "-", stdin=CLAIM)
    first.kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=60s")
    again = json.loads(bootstrap("upgrade", CLUSTER, "-o", "json", "--image", f"{IMAGE}-2"))
    assert again["seconds"] == {}
    assert len(json.loads(bootstrap("nodes", CLUSTER, "-o", "json"))["nodes"]) == len(NODES)
    older = docker("run", "--rm", *SOCKET, IMAGE, "cluster", "upgrade", CLUSTER)
    assert (older.returncode, "is older than" in older.stderr) == (8, True)


def test_a_worker_comes_and_goes(first: Node) -> None:
    new = f"{CLUSTER}-worker3"
    bootstrap("add", CLUSTER)
    assert readiness(first)[new] == "True"
    bootstrap("remove", new)
    assert new not in readiness(first)
    assert docker("inspect", new).returncode == 1


def test_a_create_that_fails_names_its_cause_and_leaves_nothing(tmp_path: Path) -> None:
    name = f"{CLUSTER}-bad"
    words = ("create", name, "--workers", "1", "--mount", f"{tmp_path}:/var/lib/kubelet:ro@worker")
    done = docker("run", "--rm", *SOCKET, IMAGE, "cluster", *words, timeout=180)

    assert done.returncode == 2, done.stdout + done.stderr
    assert f"{name}-worker: " in done.stderr
    assert "/var/lib/kubelet" in done.stderr
    assert left(name) == []


def test_an_interrupted_create_leaves_nothing() -> None:
    name = f"{CLUSTER}-int"
    run = (
        "docker",
        "run",
        "--rm",
        "--name",
        f"{name}-run",
        *SOCKET,
        IMAGE,
        "cluster",
        "create",
        name,
        "--workers",
        "1",
    )
    running = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until("its first container", lambda: left(name), 30, 0.1)
    time.sleep(1)
    must(docker("kill", "--signal", "INT", f"{name}-run"))
    _, said = running.communicate(timeout=60)

    assert (running.returncode, "nothing is left of it" in said) == (130, True), said
    assert left(name) == []
