"""A cluster as a newcomer makes it, and everything it has to survive.

The tests share one node and come in the order of its life: used, asked again, restarted, moved, stopped.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from bootstrap.render.pki.certs import CertSpec, Issuer, build, certificate_pem
from bootstrap.render.pki.keys import CryptoKeySource, load_private, private_pem
from tests.e2e import cis
from tests.e2e.joined import serves
from tests.e2e.node import PREFIX, Node, component, docker, must, restarted, until
from tests.e2e.web import ask, both_answer, docker_save, run_web

OTHER_CONFIGURATION = 8
IMAGE_REFUSED = 9
CLEAN_STOP = (0, 130)
LEASE = 30
"""Seconds; an API server that ended keeps its address in the Service `kubernetes` for 15 s (`masterLeaseTTL`)."""
"""systemd as PID 1 ends with 130 when SIGRTMIN+3 halts it."""


@pytest.fixture(scope="module")
def web(cluster: Node, app_image: str) -> Node:
    """The cluster with two web servers, a Service and a client; the image went in through `images load -`."""
    run_web(cluster, app_image)
    return cluster


def assert_works(node: Node) -> None:
    """Node Ready, DNS available, a Service reached by name from a Pod, logs and exec."""
    address = node.address()
    until("node Ready", lambda: ready(node), 90)
    addresses = {a["type"]: a["address"] for a in node.get("nodes")["items"][0]["status"]["addresses"]}
    assert addresses["InternalIP"] == address
    node.kubectl("-n", "kube-system", "wait", "--for=condition=Available", "deployment/coredns", "--timeout=60s")
    pods = both_answer(node)
    assert all(ip.startswith("10.244.") for ip in pods.values()), "flannel gives the addresses"
    assert ask(node, "lookup", "kubernetes.default").strip() == "10.96.0.1"
    assert ask(node, "lookup", "web.default.svc.cluster.local").strip().startswith("10.")
    for pod in pods:
        assert "GET /" in node.kubectl("logs", pod)
    assert_knows_its_address(node, address)


def ready(node: Node) -> bool:
    conditions = node.get("nodes")["items"][0]["status"]["conditions"]
    return next(c["status"] for c in conditions if c["type"] == "Ready") == "True"


def assert_knows_its_address(node: Node, address: str) -> None:
    """Everything that names the node's address names this one."""
    info = node.kubectl("-n", "kube-public", "get", "configmap", "cluster-info", "-o", "jsonpath={.data.kubeconfig}")
    assert f"server: https://{address}:6443" in info
    status = node.get("configmap", "kubeadm-config", "-n", "kube-system")
    assert "controlPlaneEndpoint" not in status["data"]["ClusterConfiguration"]
    until("the Service kubernetes points at this address alone", lambda: api_endpoints(node) == [[address]], LEASE)
    members = json.loads(etcdctl(node, "member", "list", "-w", "json"))["members"]
    assert [member["peerURLs"] for member in members] == [[f"https://{address}:2380"]]
    assert [member["clientURLs"] for member in members] == [[f"https://{address}:2379"]]
    for manifest in ("etcd", "kube-apiserver"):
        assert address in node.run("cat", f"/etc/kubernetes/manifests/{manifest}.yaml")
    sans = node.run("openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", "/etc/kubernetes/pki/apiserver.crt")
    assert f"IP Address:{address}" in sans


def api_endpoints(node: Node) -> list[list[str]]:
    found = node.get("endpointslices", "-l", "kubernetes.io/service-name=kubernetes")
    return [endpoint["addresses"] for endpoint in found["items"][0]["endpoints"]]


def etcdctl(node: Node, *words: str) -> str:
    pki = "/etc/kubernetes/pki/etcd"
    tls = [f"--cacert={pki}/ca.crt", f"--cert={pki}/server.crt", f"--key={pki}/server.key"]
    return node.run("etcdctl", "--endpoints=https://127.0.0.1:2379", *tls, *words)


def test_it_comes_up_and_says_so(cluster: Node) -> None:
    log = cluster.logs()
    version = json.loads(cluster.run("bootstrap", "version", "-o", "json"))["kubernetes"]
    assert re.search(rf"Kubernetes {re.escape(version)} is up in \d+\.\d s", log)
    assert "docker exec" in log
    assert "✗" not in log
    assert ready(cluster)


def test_images_load_says_what_it_loaded(cluster: Node, app_image: str) -> None:
    loaded = cluster.run("bootstrap", "images", "load", "-", stdin=docker_save(app_image))
    assert loaded.splitlines() == [f"docker.io/library/{app_image}"]


def test_images_load_refuses_what_is_no_archive(cluster: Node) -> None:
    refused = cluster.exec("bootstrap", "images", "load", "-", stdin=b"not a tar archive" * 100)
    assert refused.returncode == IMAGE_REFUSED, refused.stdout + refused.stderr
    assert "this is no archive of images" in refused.stderr


def test_pods_reach_a_service_by_name(web: Node) -> None:
    assert_works(web)


def test_nothing_restarts_behind_our_back(web: Node) -> None:
    """No container of the cluster's own needed a second try."""
    assert restarted(web.get("pods", "-A")) == {}


def test_files_are_private(cluster: Node) -> None:
    """The CIS benchmark's file modes."""
    wanted = {
        "/etc/kubernetes/admin.conf": "600",
        "/etc/kubernetes/super-admin.conf": "600",
        "/etc/kubernetes/controller-manager.conf": "600",
        "/etc/kubernetes/scheduler.conf": "600",
        "/etc/kubernetes/kubelet.conf": "600",
        "/var/lib/kubelet/config.yaml": "600",
        "/var/lib/etcd": "700",
    }
    listed = cluster.run(
        "sh",
        "-c",
        "stat -c '%n %a' /etc/kubernetes/manifests/*.yaml $(find /etc/kubernetes/pki -name '*.key') "
        + " ".join(wanted),
    )
    modes = dict(line.rsplit(" ", 1) for line in listed.splitlines())
    assert len(modes) >= 4 + 8 + len(wanted)
    assert modes == {path: wanted.get(path, "600") for path in modes}


def test_the_network_s_files_are_private_and_ps_shows_the_kubelet(web: Node) -> None:
    """What CIS benchmarks look at."""
    open_files = "find /var/lib/cni/networks /etc/cni/net.d -type f -perm /0177"
    assert web.run("find", "/var/lib/cni/networks", "-name", "lock")
    assert web.run("sh", "-c", open_files) == ""
    assert "--config=/var/lib/kubelet/config.yaml" in web.run("ps", "-fC", "kubelet")


def test_the_cis_benchmark_finds_nothing_new(cluster: Node) -> None:
    assert cis.failed(cluster.name).keys() == cis.KNOWN


def test_requests_are_audited(cluster: Node) -> None:
    lines = cluster.run("sh", "-c", "tail -n 5 /var/log/kubernetes/audit/*.log").splitlines()
    assert all(json.loads(line)["kind"] == "Event" for line in lines)
    assert lines


def fingerprint(node: Node) -> str:
    return node.run("find", "/etc/kubernetes", "/var/lib/kubelet/config.yaml", "-type", "f", "-printf", "%p %T@ %s\n")


def test_init_again_changes_nothing_and_says_it(cluster: Node) -> None:
    before = fingerprint(cluster)
    again = cluster.exec("bootstrap", "init")
    assert again.returncode == 0, again.stderr
    assert "nothing changed" in again.stdout
    assert fingerprint(cluster) == before


def test_init_with_another_configuration_shows_the_difference_and_stops(cluster: Node) -> None:
    before = fingerprint(cluster)
    refused = cluster.exec("bootstrap", "init", "--pod-network-cidr", "10.55.0.0/16")
    assert refused.returncode == OTHER_CONFIGURATION, refused.stdout + refused.stderr
    assert "ClusterConfiguration.networking.podSubnet: 10.244.0.0/16 → 10.55.0.0/16" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert fingerprint(cluster) == before


def test_kubeadm_accepts_the_cluster(cluster: Node) -> None:
    """The real one reads our certificates, our stored configuration and our tokens."""
    must(docker("cp", str(component("kubeadm", "kubeadm")), f"{cluster.name}:/usr/local/bin/kubeadm"))
    checked = cluster.exec("kubeadm", "certs", "check-expiration")
    assert checked.returncode == 0, checked.stderr
    for name in ("admin.conf", "super-admin.conf", "apiserver", "etcd-peer", "front-proxy-client", "etcd-ca"):
        assert re.search(rf"^{name} ", checked.stdout, re.MULTILINE), checked.stdout
    assert "MISSING" not in checked.stdout
    assert "kubeadm-config" not in checked.stderr or "falling back" not in checked.stderr.lower()
    tokens = cluster.run("kubeadm", "token", "list").splitlines()
    assert len(tokens) == 2, tokens
    assert "authentication,signing" in tokens[1]


def tokens(node: Node) -> list[str]:
    secrets = node.get("secrets", "-n", "kube-system", "--field-selector=type=bootstrap.kubernetes.io/token")
    return sorted(secret["metadata"]["name"] for secret in secrets["items"])


def test_it_survives_a_restart(web: Node) -> None:
    before, address = tokens(web), web.address()
    authorities = web.run(
        "sh", "-c", "sha256sum /etc/kubernetes/pki/*ca.* /etc/kubernetes/pki/etcd/ca.* /etc/kubernetes/pki/sa.*"
    )
    must(docker("restart", web.name))
    web.wait_healthy()
    if web.address() == address:
        assert "Certificates     nothing to change" in web.logs()
    assert_works(web)
    assert tokens(web) == before, "only the first init makes tokens"
    assert authorities == web.run(
        "sh", "-c", "sha256sum /etc/kubernetes/pki/*ca.* /etc/kubernetes/pki/etcd/ca.* /etc/kubernetes/pki/sa.*"
    )


@pytest.fixture
def squatters(app_image: str) -> Iterator[list[str]]:
    """Names of containers that hold addresses; removed after the test."""
    names: list[str] = []
    yield names
    for name in names:
        docker("rm", "-fv", name)


def take_address(address: str, image: str, squatters: list[str]) -> None:
    """Starts containers until one has the address that a stopped one had: the engine gives the lowest free one."""
    for number in range(12):
        squatters.append(f"{PREFIX}-squatter{number}-{os.getpid()}")
        must(docker("run", "-d", "--name", squatters[-1], image, "serve", ":8080"))
        got = must(docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", squatters[-1])).strip()
        if got == address:
            return


def test_services_survive_a_restart_of_kube_proxy(web: Node) -> None:
    """A new kube-proxy takes over the rules that it finds."""
    web.kubectl("-n", "kube-system", "delete", "pod", "-l", "k8s-app=kube-proxy", "--wait")
    web.kubectl("-n", "kube-system", "rollout", "status", "daemonset/kube-proxy", "--timeout=60s")
    time.sleep(3)  # what it takes for a mistake comes with its first synchronisation
    assert_works(web)


def expirations(node: Node, *program: str) -> dict[str, str]:
    """Name → end of each certificate, as a program of kubeadm's words says it."""
    said = json.loads(node.run(*program, "certs", "check-expiration", "-o", "json"))
    return {each["name"]: each["expirationDate"] for each in said["certificates"]}


def test_certificates_are_renewed_and_who_reads_them_goes_on(web: Node) -> None:
    before = expirations(web, "bootstrap")
    assert {name: before[name] for name in before if not name.startswith("kubelet")} == expirations(web, "kubeadm")
    assert "nothing was written" in web.run("bootstrap", "certs", "renew", "all", "--dry-run")
    assert expirations(web, "bootstrap") == before

    done = json.loads(web.run("bootstrap", "certs", "renew", "all", "-o", "json", timeout=300))
    assert done["restarted"] == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    after = expirations(web, "bootstrap")
    assert {name for name in before if after[name] > before[name]} == {each["name"] for each in done["renewed"]}
    assert expirations(web, "kubeadm").items() <= after.items()
    web.run("systemctl", "start", "bootstrap-certificate-renewal.service")
    assert "nothing is due" in web.run("journalctl", "-u", "bootstrap-certificate-renewal", "-o", "cat")
    assert "bootstrap-certificate-renewal.timer" in web.run("systemctl", "list-timers")
    assert_works(web)


DAMAGED = """
size=$(stat -c %s /root/backup/a.db)
for place in $(seq 1 16); do
  cp /root/backup/a.db /root/e.db
  at=$((place * size / 17))
  byte=$(od -An -tu1 -j $at -N 1 /root/e.db)
  printf "\\\\$(printf %03o $((255 - byte)))" | dd of=/root/e.db bs=1 seek=$at conv=notrunc 2>/dev/null
  bootstrap etcd restore /root/e.db --yes --any-cluster >/dev/null 2>&1
  echo $?
done
"""
"""Without a note: etcd's own checksum says it."""


def test_a_snapshot_is_taken_and_restored(web: Node) -> None:
    web.kubectl("create", "configmap", "before")
    snapshot = json.loads(web.run("bootstrap", "etcd", "snapshot", "save", "/root/backup/a.db", "-o", "json"))
    web.kubectl("create", "configmap", "after")
    (listed,) = json.loads(web.run("bootstrap", "etcd", "snapshot", "list", "--dir", "/root/backup", "-o", "json"))[
        "snapshots"
    ]
    assert listed == snapshot
    for _ in range(2):
        web.run("bootstrap", "etcd", "snapshot", "save", "--keep", "1")
        time.sleep(1)  # or the second one has the same name
    (kept,) = json.loads(web.run("bootstrap", "etcd", "snapshot", "list", "-o", "json"))["snapshots"]
    assert kept["path"].startswith("/var/backups/etcd/scheduled-")

    web.run("sh", "-c", "cp /root/backup/a.db /root/d.db; cp /root/backup/a.db.json /root/d.db.json")
    web.run("sh", "-c", "printf X | dd of=/root/d.db bs=1 seek=100000 conv=notrunc")
    refused = web.exec("bootstrap", "etcd", "restore", "/root/d.db", "--yes")
    assert refused.returncode == IMAGE_REFUSED, refused.stdout + refused.stderr
    assert web.run("sh", "-c", DAMAGED, timeout=300).split() == [str(IMAGE_REFUSED)] * 16
    assert "configmap/after" in until("the API", lambda: web.kubectl("get", "configmaps", "-o", "name"))

    kept = json.loads(web.run("bootstrap", "etcd", "restore", "/root/backup/a.db", "--yes", "-o", "json", timeout=600))
    names = web.kubectl("get", "configmaps", "-o", "name").split()
    assert ("configmap/before" in names, "configmap/after" in names) == (True, False)
    assert web.run("ls", kept["before"]).split() == ["member"]
    web.run("rm", "-r", kept["before"])
    assert "etcd has a leader" in web.exec("bootstrap", "etcd", "recover", "--yes").stderr
    web.run("bootstrap", "etcd", "defrag")
    assert_works(web)
    assert cis.failed(web.name).keys() == cis.KNOWN, "renewed and restored"


AT_ONCE = b"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificateValidityPeriod: 1s
"""


def end_certificates(node: Node) -> None:
    """As after a year of being off; what is renewed while no kubelet runs is read at the next start."""
    node.run("systemctl", "stop", "kubelet")
    node.run("bootstrap", "certs", "renew", "all", "--config", "-", stdin=AT_ONCE)


def end_kubelet_certificate(node: Node) -> None:
    """The file that the kubelet rotates holds a certificate that has ended."""
    ca, key = (node.run("cat", f"/etc/kubernetes/pki/ca.{end}").encode() for end in ("crt", "key"))
    issuer = Issuer(x509.load_pem_x509_certificate(ca), load_private(key))
    name = node.run("hostname").strip()
    spec = CertSpec(f"system:node:{name}", ("system:nodes",), usages=("client",))
    own, then = CryptoKeySource().new("ECDSA-P256"), datetime.now(UTC) - timedelta(hours=2)
    certificate = build(spec, own, issuer, serial=7, now=then, lifetime=3600)
    pem = certificate_pem(certificate) + private_pem(own)
    node.run("sh", "-c", 'cat > "$(readlink -f /var/lib/kubelet/pki/kubelet-client-current.pem)"', stdin=pem)


def test_it_survives_ended_certificates_and_another_address(web: Node, app_image: str, squatters: list[str]) -> None:
    before = web.address()
    end_certificates(web)
    end_kubelet_certificate(web)
    must(docker("stop", web.name))
    assert web.state()["ExitCode"] in CLEAN_STOP
    take_address(before, app_image, squatters)
    must(docker("start", web.name))
    web.wait_healthy()
    assert web.address() != before
    assert_works(web)
    until("its kubelet is verified at the new address", lambda: serves(web, web.run("hostname").strip()))
    left = web.exec("grep", "-rlwF", before, "/etc/kubernetes")
    assert left.stdout == "", f"these files still name {before}"
    again = web.exec("bootstrap", "init")
    assert "nothing changed" in again.stdout, again.stdout + again.stderr


RECONFIGURED = b"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {name: NAME}
localAPIEndpoint: {bindPort: 7443}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificateValidityPeriod: 48h
proxy: {disabled: true}
dns: {disabled: true}
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
workloadsOnControlPlane: false
"""


def test_reconfigure_does_what_it_says(web: Node) -> None:
    node = web.get("nodes")["items"][0]["metadata"]["name"]
    web.run("rm", "/etc/kubernetes/super-admin.conf")
    wanted = RECONFIGURED.replace(b"NAME", node.encode())
    web.run("bootstrap", "init", "--reconfigure", "--config", "-", stdin=wanted, timeout=300)

    assert [taint["key"] for taint in web.get("nodes")["items"][0]["spec"]["taints"]] == [
        "node-role.kubernetes.io/control-plane"
    ]
    left = web.kubectl("-n", "kube-system", "get", "daemonsets,deployments,services,configmaps", "-o", "name")
    assert not [name for name in left.split() if name.endswith(("/kube-proxy", "/coredns", "/kube-dns"))]
    in_a_week = ["openssl", "x509", "-checkend", str(7 * 86400), "-noout", "-in", "/etc/kubernetes/pki/apiserver.crt"]
    assert web.exec(*in_a_week).returncode == 1
    assert web.exec("test", "-e", "/etc/kubernetes/super-admin.conf").returncode == 1
    since = time.time()
    until("the kubelet reports to the new port", lambda: heartbeat(web) > since, 90)
    again = web.exec("bootstrap", "init")
    assert "nothing changed" in again.stdout, again.stdout + again.stderr


def heartbeat(node: Node) -> float:
    lease = node.get("leases", "-n", "kube-node-lease")["items"][0]["spec"]["renewTime"]
    return datetime.fromisoformat(lease).timestamp()


def test_it_stops_cleanly(web: Node) -> None:
    must(docker("stop", "--time", "30", web.name))
    state = web.state()
    assert state["ExitCode"] in CLEAN_STOP
    assert not state["OOMKilled"]
