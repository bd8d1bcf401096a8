"""Machines join a cluster of ours with the lines that `init` shows: by kubeadm itself, and by ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from bootstrap.model.names import ENCRYPTION_CONFIG, ENCRYPTION_DIR
from tests.e2e.joined import etcdctl, lines, members, peers, ready, serves
from tests.e2e.node import IMAGE, PREFIX, Node, component, docker, must, until
from tests.e2e.web import both_answer, docker_save, run_web
from tests.parity import live

SUBNET, ADDRESS, SHARED = "198.51.100.0/24", "198.51.100.10", "198.51.100.200"
THERE = f"--patches {live.PATCHES} --ignore-preflight-errors=all"
"""What kubeadm needs for a machine that is a container."""


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    name = f"{PREFIX}-joining-{os.getpid()}"
    must(docker("network", "create", "--subnet", SUBNET, name))
    yield name
    docker("network", "rm", name)


@pytest.fixture(scope="module")
def first(network: str) -> Iterator[Node]:
    """A control plane that others may share, by an address that they hold in turn; Secrets are encrypted."""
    words = ("init", "--control-plane-vip", SHARED, "--upload-certs", "--encryption-provider", "secretbox")
    node = Node("first", *words, options=("--privileged", "--network", network, "--ip", ADDRESS))
    node.wait_healthy()
    yield node
    node.remove()


@pytest.fixture
def join(first: Node, network: str) -> Iterator[Callable[[str, str], Node]]:
    """Runs a line on a new machine that has kubeadm, which does not know the key of Secrets."""
    made = []

    def run(name: str, line: str) -> Node:
        node = Node(name, "node", options=("--privileged", "--network", network))
        made.append(node)
        machine = live.Node.inspect(node.name)
        live.wait_booted(machine)
        live.prepare_kubeadm(machine, component("kubeadm", "kubeadm"), b"")
        if "--control-plane" in line:
            give_key(first, node)
        node.run("sh", "-c", f"{line.replace('bootstrap', 'kubeadm', 1)} {THERE}", timeout=300)
        return node

    yield run
    for node in made:
        node.remove()


def give_key(cluster: Node, node: Node) -> None:
    """As the docs tell to."""
    key = cluster.run("cat", ENCRYPTION_CONFIG).encode()
    node.run("mkdir", "-p", "-m", "700", ENCRYPTION_DIR)
    node.run("sh", "-c", f"umask 077; cat > {ENCRYPTION_CONFIG}", stdin=key)


def stored(node: Node, name: str) -> str:
    """What a Secret begins with as etcd has it."""
    return etcdctl(node, f"get /registry/secrets/{name} --print-value-only | head -c 26")


OURS = (
    "--encryption-provider-config=",
    "--audit-policy-file=",
    "--audit-log-path=",
    "--profiling=false",
    "--kube-api-qps=300",
    "--election-timeout=500",
    "name: GOGC",
)
"""What kubeadm does not know by itself, of every static Pod that it writes."""
MINE = ("evictionHard", "imageGCHighThresholdPercent", "configMapAndSecretChangeDetectionStrategy", "podPidsLimit")
NESTED = {"authentication", "authorization"}
"""Into these kubeadm writes zero durations."""


def static_pods(node: Node) -> str:
    return node.run("sh", "-c", "cat /etc/kubernetes/manifests/*.yaml")


def holders(*nodes: Node) -> list[Node]:
    """Who has the address that all share."""
    return [node for node in nodes if f" {SHARED}/32 " in node.run("ip", "-br", "address")]


@contextmanager
def balanced(network: str, control_planes: Sequence[Node]) -> Iterator[str]:
    """The address of a haproxy with the configuration of the docs, in front of these three."""
    page = (Path(__file__).parents[2] / "docs/how-to/high-availability.md").read_text()
    written = textwrap.dedent(page[page.index("    global\n") : page.index("\n`haproxy -c")])
    for number, node in enumerate(control_planes, 11):
        written = written.replace(f"192.0.2.{number}:", f"{node.address()}:")
    assert "192.0.2." not in written
    name = f"{PREFIX}-haproxy-{os.getpid()}"
    read = "cat >/tmp/haproxy.cfg; haproxy -c -f /tmp/haproxy.cfg && exec haproxy -W -db -f /tmp/haproxy.cfg"
    words = ("run", "-i", "--rm", "--network", network, "--name", name, "--entrypoint", "sh", IMAGE, "-c", read)
    process = subprocess.Popen(("docker", *words), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(written.encode())
    process.stdin.close()
    try:
        where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        yield until("haproxy runs", lambda: docker("inspect", "--format", where, name).stdout.strip())
    finally:
        docker("rm", "-f", name)
        process.wait(30)


def test_nobody_else_may_have_the_address(network: str) -> None:
    """The machine that is asked is of the same network; nothing listens there."""
    taken = Node("taken", "node", options=("--privileged", "--network", network, "--ip", SHARED))
    try:
        done = docker(
            *("run", "--rm", "--privileged", "--network", network, IMAGE),
            *("init", "--control-plane-vip", SHARED, "--dry-run"),
        )
        assert (done.returncode, f"[VirtualAddressFree] somebody has {SHARED} already" in done.stderr) == (4, True)
    finally:
        taken.remove()


def test_init_ends_with_the_lines(first: Node) -> None:
    shown = lines(first.logs())
    worker, control_plane = lines(first.run("bootstrap", "init", "phase", "show-join-command"))

    assert shown[0] == worker
    assert re.fullmatch(re.escape(control_plane) + " --certificate-key [0-9a-f]{64}", shown[1])


def test_certificates_are_uploaded_again_with_a_key_of_the_user(first: Node) -> None:
    key = "0f" * 32
    before = first.get("-n", "kube-system", "secret", "kubeadm-certs")
    said = first.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs", "--certificate-key", key)
    after = first.get("-n", "kube-system", "secret", "kubeadm-certs")

    assert lines(said)[1].endswith(f" --control-plane --certificate-key {key}")
    assert after["data"].keys() == before["data"].keys() and after["data"] != before["data"]
    owner = after["metadata"]["ownerReferences"][0]["name"]
    assert owner.startswith("bootstrap-token-")
    assert "usage-bootstrap-authentication" not in first.get("-n", "kube-system", "secret", owner)["data"]


def test_a_second_user_of_the_router_id_is_told_whose_it_is(first: Node, network: str) -> None:
    own = "{apiVersion: bootstrap/v1alpha1, kind: BootstrapConfiguration, controlPlaneVIP: {address: %s, %s}}"
    other = own % (SHARED.replace("200", "201"), "virtualRouterID: 200")
    words = ("run", "-i", "--rm", "--privileged", "--network", network, IMAGE, "init", "--config", "-", "--dry-run")
    done = docker(*words, stdin=other.encode())

    assert done.returncode == 4
    assert f"{ADDRESS}, for {SHARED} uses the virtual router id 200" in done.stderr


def test_what_is_not_to_be_shown_is_not(first: Node) -> None:
    said = first.run(
        *("bootstrap", "init", "phase", "upload-certs", "--upload-certs"),
        *("--skip-token-print", "--skip-certificate-key-print"),
    )

    assert lines(said)[1].count("<value withheld>") == 2


def test_without_a_token_the_way_to_a_new_one_is_shown(first: Node) -> None:
    first.kubectl("-n", "kube-system", "delete", "secret", "--field-selector", "type=bootstrap.kubernetes.io/token")
    done = first.exec("bootstrap", "init", "phase", "show-join-command")
    assert done.returncode == 8
    assert "bootstrap init phase bootstrap-token" in done.stderr

    made = lines(first.run("bootstrap", "init", "phase", "bootstrap-token"))
    assert made == lines(first.run("bootstrap", "init", "phase", "show-join-command"))


def test_nodes_and_control_planes_join_and_leave(first: Node, join: Callable[[str, str], Node], app_image: str) -> None:
    """The etcd of two goes on when one is reset: it would not if that one were only gone."""
    worker, control_plane = lines(first.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs"))
    joined = [join("worker", worker), join("second", control_plane)]

    names = [node.run("hostname").strip() for node in (first, *joined)]
    for name in names:
        until(f"{name} Ready", lambda name=name: ready(first, name), 180)
        until(f"the kubelet of {name} is verified", lambda name=name: serves(first, name))
    assert len(members(first)) == 2
    assert [word for word in OURS if word not in static_pods(joined[1])] == []
    assert_encrypted(first, joined[1])

    first.kubectl("cordon", names[0])  # Pods on the worker ask CoreDNS, which is here
    joined[0].run("bootstrap", "images", "load", "-", stdin=docker_save(app_image))
    run_web(first, app_image)
    both_answer(first)
    assert {pod["spec"]["nodeName"] for pod in first.get("pods")["items"]} == {names[1]}

    assert "nothing changed" in first.run("bootstrap", "init")
    assert len(members(first)) == 2

    said = joined[1].run("bootstrap", "reset", "--force", timeout=300)
    assert "what kubeadm reset would remove is gone" in said, "the journal of the container's start hides nothing"
    assert "did not answer" not in said
    assert joined[1].exec("systemctl", "is-active", "kubelet").stdout.strip() == "inactive"
    # The one that went may have led: the other one takes a second or two to follow itself.
    until("one member is left", lambda: members(first) == [names[0]])
    until("it takes writes", lambda: first.kubectl("create", "configmap", "written-after-it-left"))
    joined[0].run("sh", "-c", "cat > /root/admin.conf", stdin=first.run("cat", "/etc/kubernetes/admin.conf").encode())
    joined[0].run("bootstrap", "reset", "--force", "--drain", "--kubeconfig", "/root/admin.conf", timeout=300)
    assert {node["metadata"]["name"] for node in first.get("nodes")["items"]} == {names[0]}
    assert "nothing changed" in first.run("bootstrap", "init")


def assert_encrypted(*planes: Node) -> None:
    """What one API server writes, with the key that all have, is encrypted, and read by each."""
    servers = {node: ("--server", f"https://{node.address()}:6443") for node in planes}
    for writer in planes:
        name = f"by-{time.monotonic_ns()}"
        writer.kubectl(*servers[writer], "create", "secret", "generic", name, "--from-literal=word=secret")
        assert stored(writer, f"default/{name}") == "k8s:enc:secretbox:v1:key1:"
        for reader in planes:
            assert reader.get(*servers[reader], "secret", name)["data"] == {"word": "c2VjcmV0"}


def events(text: str) -> set[str]:
    return {json.loads(line)["event"] for line in text.splitlines() if line.startswith("{")}


def test_our_own_join(first: Node, network: str, app_image: str) -> None:
    """The same line, the same image: a worker, restarted, and reset."""
    line = first.run("bootstrap", "token", "create", "--print-join-command", "--ttl", "1h").split()[1:]
    worker = Node("own-worker", *line, "--events", "-", options=("--privileged", "--network", network))
    try:
        worker.wait_healthy()
        until("its run is over", lambda: {"run-planned", "step-done", "run-done"} <= events(worker.logs()))
        assert line[line.index("--token") + 1] not in worker.logs()
        name = worker.run("hostname").strip()
        assert ready(first, name) and serves(first, name)
        assert line[line.index("--token") + 1] not in worker.run("cat", "/etc/kubernetes/bootstrap/config.yaml")
        assert worker.exec("test", "-e", "/etc/kubernetes/bootstrap-kubelet.conf").returncode == 1
        assert "nothing changed" in worker.run("bootstrap", "join", "192.0.2.1:6443", "--token", "ended.by-now")

        must(docker("restart", worker.name))
        worker.wait_healthy()
        until(f"{name} Ready", lambda: ready(first, name))

        assert worker.exec("bootstrap", "init").returncode == 8
        drained(first, worker)
        assert worker.exec("systemctl", "is-active", "kubelet").stdout.strip() == "inactive"

        phase_by_phase(first, worker)
        until("it is a control plane now", lambda: ready(first, name))
        assert sorted(members(first)) == sorted((first.run("hostname").strip(), name))
        taken = worker.exec("bootstrap", "join", *line[1:], "--node-name", first.run("hostname").strip())
        assert (taken.returncode, "[NodeName]" in taken.stderr) == (4, True), taken.stderr
        worker.run("bootstrap", "reset", "--force", timeout=300)
        assert len(members(first)) == 1
        assert first.exec("kubectl", "get", "node", name).returncode == 1
    finally:
        worker.remove()


APP = """
apiVersion: v1
kind: Pod
metadata: {name: guarded, labels: {app: guarded}}
spec:
  nodeName: NODE
  terminationGracePeriodSeconds: 1
  containers: [{name: pause, image: "localhost/bootstrap/pause:3.10.2"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: guard}
spec: {minAvailable: 1, selector: {matchLabels: {app: guarded}}}
"""


def drained(cluster: Node, worker: Node) -> None:
    """As its own kubelet: a budget is respected, and the Node is left for an administrator, who may be given."""
    name = worker.run("hostname").strip()
    cluster.run("kubectl", "apply", "-f", "-", stdin=APP.replace("NODE", name).encode())
    until("it runs", lambda: cluster.get("pod", "guarded")["status"]["phase"] == "Running")
    assert "default/guarded (nobody makes it again)" in worker.run("bootstrap", "reset", "--drain", "--dry-run")
    kept = worker.exec("bootstrap", "reset", "--force", "--drain", "--drain-timeout", "2s")
    assert (kept.returncode, "guard" in kept.stderr) == (6, True), kept.stderr
    assert cluster.get("node", name)["spec"]["unschedulable"] is True

    cluster.kubectl("delete", "pdb", "guard")
    told = ("--events", "/root/events")
    done = json.loads(worker.run("bootstrap", "reset", "--force", "--drain", "-o", "json", *told, timeout=300))
    assert "run-done" in events(worker.run("cat", "/root/events"))
    assert (done["left"], done["next"]) == ([], [f"kubectl delete node {name}"])
    assert cluster.exec("kubectl", "get", "pod", "guarded").returncode == 1
    assert cluster.get("node", name)


def phase_by_phase(cluster: Node, machine: Node) -> None:
    """kubeadm's names; from its administrator's kubeconfig on it asks as that. The runtime is a step of ours."""
    said = cluster.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs")
    words = lines(said)[1].split()[2:]

    def phase(*name: str) -> subprocess.CompletedProcess[str]:
        return machine.exec("bootstrap", "join", "phase", *name, timeout=300)

    early = phase("control-plane-prepare", "certs", *words)
    assert (early.returncode, "join phase control-plane-prepare download-certs" in early.stderr) == (8, True)
    must(phase("control-plane-prepare", "all", *words))
    for name in ("runtime", "kubelet-start", "etcd-join", "control-plane-join all", "wait-control-plane"):
        must(phase(*name.split(), "--control-plane"))
    assert "nothing to change" in must(phase("kubelet-start", "--control-plane"))


def test_who_is_not_believed(first: Node) -> None:
    """Each at once, with its own words, and before anything is written."""
    token, pin = (first.run("bootstrap", "token", "create", "--print-join-command").split()[i] for i in (4, 6))
    wrong_secret, wrong_pin = f"{token[:7]}{'0' * 16}", f"sha256:{'0' * 64}"
    for given, believed, words in (
        (wrong_secret, pin, "was not made with this token"),
        (token, wrong_pin, "is not the pinned one"),
    ):
        done = docker(
            *("run", "--rm", "--network", f"container:{first.name}", IMAGE, "join", f"{ADDRESS}:6443", "--dry-run"),
            *("--token", given, "--discovery-token-ca-cert-hash", believed),
        )
        assert (done.returncode, words in done.stderr) == (7, True), done.stderr


def test_control_planes_join_at_once_leave_and_come_back(first: Node, network: str) -> None:
    """Of three members one may be gone; one that left by a reset joins again under the same name."""
    said = first.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs")
    words = lines(said)[1].split()[1:]
    joined = [Node(f"plane-{i}", *words, options=("--privileged", "--network", network)) for i in (1, 2)]
    try:
        for node in joined:
            node.wait_healthy(180)
        names = [node.run("hostname").strip() for node in (first, *joined)]
        assert sorted(members(first)) == sorted(names)
        assert all(ready(first, name) for name in names)
        assert "nothing changed" in joined[0].run("bootstrap", "join")
        assert "nothing changed" in first.run("bootstrap", "init")
        assert_encrypted(first, *joined)

        assert holders(first, *joined) == [first]
        with balanced(network, (first, *joined)) as balancer:
            through = ("--server", f"https://{balancer}:6443", "--tls-server-name", SHARED)
            until("the balancer passes on", lambda: joined[0].kubectl(*through, "get", "nodes"))
            must(docker("kill", first.name))
            until("two of three take writes", lambda: joined[0].kubectl("create", "configmap", "written-by-two"))
            until("and by the balancer", lambda: joined[0].kubectl(*through, "create", "configmap", "by-balancer"))
        refused = joined[0].exec("bootstrap", "reset", "--force")
        assert (refused.returncode, "--break-quorum" in refused.stderr) == (8, True), refused.stderr
        assert joined[0].exec("systemctl", "is-active", "kubelet").stdout.strip() == "active"
        (holder,) = holders(*joined)
        must(docker("start", first.name))
        first.wait_healthy()
        assert first.kubectl("get", "configmap", "written-by-two")
        assert holders(first, *joined) == [holder], "nobody takes it from who has it"

        left, gone = [node for node in (first, *joined) if node is not holder], holder.run("hostname").strip()
        holder.run("bootstrap", "reset", "--force", timeout=300)
        assert sorted(members(first)) == sorted(node.run("hostname").strip() for node in left)
        until("another has the address", lambda: holders(*left) and not holders(holder))
        assert first.exec("kubectl", "get", "node", gone).returncode == 1
        said = first.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs")  # its restart changed the key
        holder.run(*lines(said)[1].split(), timeout=300)
        assert sorted(members(first)) == sorted(names)
        find_each_other(network, first, *joined)
        joined[1] = takes_the_place_of(joined[1], first, network)
        assert_whole(first, *joined)
    finally:
        for node in joined:
            node.exec("bootstrap", "reset", "--force", timeout=300)
            node.remove()
    until("the first is alone again", lambda: len(members(first)) == 1)


def takes_the_place_of(lost: Node, first: Node, network: str) -> Node:
    """One that is gone without a reset, and its data with it: what is said is typed, until another has its name."""
    name = lost.run("hostname").strip()
    lost.remove()
    node = Node("again", "node", options=("--privileged", "--network", network, "--hostname", name))
    node.wait_healthy()
    said = first.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs")  # its restart changed the key
    words = lines(said)[1].split()
    ways = {4: r"for good: (kubectl delete node \S+)", 8: r"on a control plane: (.* member remove \w+);"}
    typed: list[str] = []
    while (refused := node.exec(*words, timeout=300)).returncode:
        said = " ".join(refused.stderr.split())
        (way,) = re.findall(ways[refused.returncode], said)
        assert way not in typed, said
        first.run("sh", "-c", way)
        typed.append(way)
    assert "member remove" in typed[-1], "the Node is taken over where it is not Ready any more, the member never"
    return node


def find_each_other(network: str, first: Node, second: Node, third: Node) -> None:
    """One of them is somewhere else, then all are, whose addresses go round, then two have each other's."""
    at_other_addresses(network, {third: "198.51.100.70"})
    assert_whole(first, second, third)
    at_other_addresses(network, {first: second.address(), second: ADDRESS, third: "198.51.100.71"})
    assert_whole(first, second, third)
    at_other_addresses(network, {first: ADDRESS, second: first.address()})
    assert_whole(first, second, third)


def at_other_addresses(network: str, wanted: dict[Node, str]) -> None:
    """As Docker may give them to containers that are started again."""
    for node in wanted:
        must(docker("stop", node.name))
        must(docker("network", "disconnect", network, node.name))
    for node, address in wanted.items():
        must(docker("network", "connect", "--ip", address, network, node.name))
    for node in wanted:
        must(docker("start", node.name))


def assert_whole(*planes: Node) -> None:
    """All are healthy, Ready and members with their own addresses, and each API server takes a write."""
    for node in planes:
        node.wait_healthy(180)
    addresses = {node.run("hostname").strip(): node.address() for node in planes}
    for name in addresses:
        until(f"{name} Ready", lambda name=name: ready(planes[0], name))
    assert peers(planes[0]) == {name: f"https://{address}:2380" for name, address in addresses.items()}
    nodes = planes[0].get("nodes", "-l", "node-role.kubernetes.io/control-plane")["items"]
    internal = [a["address"] for n in nodes for a in n["status"]["addresses"] if a["type"] == "InternalIP"]
    assert sorted(internal) == sorted(addresses.values())
    for node in planes:
        node.kubectl("--server", "https://127.0.0.1:6443", "create", "configmap", f"written-{time.monotonic_ns()}")
        assert "dport 2380" not in node.run("nft", "list", "ruleset"), "nothing leads anywhere any more"


def test_kubeadm_upgrades_a_cluster_and_keeps_what_is_ours(first: Node) -> None:
    """To the version that it has: what kubeadm writes anew is then all that can change. Meanwhile Secrets get another
    key."""
    first.kubectl("create", "secret", "generic", "kept", "--from-literal=word=secret")
    rotate = (
        "bootstrap etcd rotate-encryption-key -o json >/root/rotated.part 2>&1; mv /root/rotated.part /root/rotated"
    )
    must(docker("exec", "-d", first.name, "sh", "-c", rotate))
    must(docker("cp", str(component("kubeadm", "kubeadm")), f"{first.name}:/usr/bin/kubeadm"))
    before, kubelet = static_pods(first), first.run("cat", "/var/lib/kubelet/config.yaml")
    version = first.run("kubeadm", "version", "-o", "short").strip()
    first.kubectl("uncordon", first.run("hostname").strip())  # for the Pod of pause by which kubeadm sees that it works

    planned = first.run("kubeadm", "upgrade", "plan", version, "--ignore-preflight-errors=all", timeout=300)
    assert "could not" not in planned.lower()
    first.run("kubeadm", "upgrade", "apply", version, "-y", "--ignore-preflight-errors=all", timeout=600)

    assert static_pods(first) == before, "kubeadm would have written the same, so nothing was started anew"
    after = yaml.safe_load(first.run("cat", "/var/lib/kubelet/config.yaml"))
    assert {key for key, value in yaml.safe_load(kubelet).items() if after.get(key) != value} <= NESTED
    assert [word for word in MINE if word not in after] == []
    until("it is whole", lambda: first.exec("bootstrap", "healthcheck").returncode == 0, 120)


def test_secrets_have_another_key(first: Node) -> None:
    """The API server reads its file once a minute, and at its start: the second time nobody waits for that here."""
    until("the old one is dropped", lambda: "key1" not in first.run("cat", ENCRYPTION_CONFIG), 120)
    if first.exec("test", "-e", "/root/rotated").returncode:
        first.run("sh", "-c", "crictl stop $(crictl ps -q --name kube-apiserver)")
    said = until("it has ended", lambda: first.exec("cat", "/root/rotated").stdout, 90)
    first.wait_healthy()
    prefixes = etcdctl(
        first, "get /registry/secrets/ --prefix | grep -ao 'k8s:enc:secretbox:v1:[^:]*:' | sort | uniq -c"
    )
    count, prefix = prefixes.split()

    assert (json.loads(said)["key"], prefix) == ("key2", "k8s:enc:secretbox:v1:key2:")
    assert len(first.get("secrets", "-A")["items"]) == int(count)
    assert first.get("secret", "kept")["data"] == {"word": "c2VjcmV0"}
