"""Real failures on real nodes: the wait ends early with the cause, and `diagnose` names it on a broken node."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.node import Node, docker, must, until

WAIT_FAILED, CONFLICT, INTERRUPTED = 6, 8, 130
SOON = 45
"""Seconds; the waits of these nodes would time out after 240."""
UNIT = "bootstrap-init.service"
BAD_FLAG = "[{op: add, path: /spec/containers/0/command/-, value: --frobnicate=1}]"
"""By a patch: extraArgs are compared with the flags that the API server has."""
LOOP = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
resolvConf: /loop.conf
"""
Start = Callable[..., Node]


def failed_init(node: Node) -> str:
    """What init said; its unit has failed and the container stays up for a look."""
    until("the unit has failed", lambda: node.exec("systemctl", "is-failed", UNIT).returncode == 0, SOON)
    assert node.state()["Running"]
    assert f"={WAIT_FAILED}" in node.run("systemctl", "show", UNIT, "--property=ExecMainStatus")
    text = node.logs()
    assert "Traceback" not in text, text
    assert "since waiting does not cure it" in text, text
    for label in ("why ", "next ", "more "):
        assert f"   {label}" in text, text
    return text


def findings(node: Node) -> list[dict[str, Any]]:
    done = node.exec("bootstrap", "diagnose", "-o", "json")
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    assert done.returncode == (WAIT_FAILED if found else 0), done.stdout + done.stderr
    return found


def first_rule(node: Node) -> str:
    found = findings(node)
    return str(found[0]["rule"]) if found else ""


def test_a_bad_flag_ends_the_wait_with_its_name(start: Start, tmp_path: Path) -> None:
    (tmp_path / "kube-apiserver+json.yaml").write_text(BAD_FLAG)
    node = start("flag", "init", "--patches", "/p", options=("--privileged", "-v", f"{tmp_path}:/p:ro"))
    text = failed_init(node)
    assert "kube-apiserver does not know the flag --frobnicate" in text
    assert "kube-apiserver: Error: unknown flag: --frobnicate" in text
    assert first_rule(node) == "flag-unknown"


def test_a_port_taken_after_preflight_is_named_with_its_holder(start: Start, app: Path) -> None:
    node = start("taken", "node")
    node.wait_healthy(60)
    must(docker("cp", str(app), f"{node.name}:/usr/local/bin/holder"))
    must(docker("exec", "-d", node.name, "systemd-run", "--unit=holder", "holder", "serve", ":6443"))
    until("the port is taken", lambda: node.exec("holder", "get", "http://127.0.0.1:6443/").returncode == 0, 10)
    began = time.monotonic()
    done = node.exec("bootstrap", "init", "--ignore-preflight-errors=Port-6443")
    assert done.returncode == WAIT_FAILED, done.stdout + done.stderr
    assert time.monotonic() - began < SOON
    pattern = r"kube-apiserver cannot listen on port 6443: it is held by pid \d+, \S*holder, unit holder\.service"
    assert re.search(pattern, done.stderr), done.stderr
    node.run("systemctl", "stop", "holder")
    resumed = node.exec("bootstrap", "init")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr


def test_coredns_that_asks_itself_ends_the_wait(start: Start, tmp_path: Path) -> None:
    """It is ready for a moment, again and again."""
    config, servers = tmp_path / "config.yaml", tmp_path / "resolv.conf"
    config.write_text(LOOP)
    servers.write_text("nameserver 127.0.0.1\n")
    mounts = ("-v", f"{config}:/c.yaml:ro", "-v", f"{servers}:/loop.conf")
    ignored = "--ignore-preflight-errors=ResolvConf"
    node = start("loop", "init", "--config", "/c.yaml", ignored, options=("--privileged", *mounts))
    text = failed_init(node)
    assert re.search(r"CoreDNS asks itself, and ends: Loop \(\S+ -> \S*\) detected", text), text
    assert node.exec("bootstrap", "healthcheck").returncode != 0
    servers.write_text("nameserver 192.0.2.53\n")
    commands = re.findall(r"; ((?:bootstrap|kubectl) [^;,]+)", findings(node)[0]["next"])
    assert len(commands) == 2, findings(node)
    for command in commands:
        node.run(*command.split())
    node.run("bootstrap", "init")
    node.wait_healthy(30)


def test_an_image_that_nobody_has_ends_the_wait(start: Start) -> None:
    node = start("image", "init", "--image-repository", "localhost/nothing-there")
    text = failed_init(node)
    assert re.search(r"image localhost/nothing-there/pause:\S+ is not on this node", text), text
    assert "images load" in text


def test_a_stop_ends_a_waiting_init_at_once(start: Start) -> None:
    node = start("stop", "node")
    node.wait_healthy(60)
    repository = "--image-repository=nowhere.invalid/x"
    waiting = "init=$!; sleep 4; kill -TERM $init; date +%s.%N; wait $init; code=$?; date +%s.%N; exit $code"
    done = node.exec("sh", "-c", f"bootstrap init {repository} 2>&1 & {waiting}")
    assert done.returncode == INTERRUPTED, done.stdout + done.stderr
    assert "goes on where it stopped" in done.stdout
    assert "Traceback" not in done.stdout
    killed, ended = (float(word) for word in re.findall(r"^\d{10}\.\d+$", done.stdout, re.MULTILINE))
    assert ended - killed < 1


def test_diagnose_says_when_there_is_no_cluster(start: Start) -> None:
    node = start("none", "node")
    node.wait_healthy(60)
    done = node.exec("bootstrap", "diagnose")
    assert done.returncode == CONFLICT, done.stderr
    assert "there is no cluster here" in done.stderr


@pytest.fixture(scope="module")
def broken() -> Any:
    """One cluster that is broken in several ways, one after another, each mended at the end."""
    node = Node("broken", "init")
    node.wait_healthy()
    until("nothing is found on a healthy node", lambda: findings(node) == [], 60, 2)
    yield node
    node.remove()


def test_a_broken_kubelet_configuration_is_named(broken: Node) -> None:
    config = "/var/lib/kubelet/config.yaml"
    broken.run("sh", "-c", f"cp {config} /root/ && echo 'nonsense: [' >{config} && systemctl restart kubelet")
    until("it is named", lambda: first_rule(broken) == "kubelet-config-invalid", 30, 1)
    assert "bootstrap init, which writes its own files again" in findings(broken)[0]["next"]
    broken.run("bootstrap", "init")
    until("nothing is found", lambda: findings(broken) == [], 60, 2)


def test_a_static_pod_that_cannot_be_read_is_named_and_written_again(broken: Node) -> None:
    manifest = "/etc/kubernetes/manifests/kube-scheduler.yaml"
    broken.run("sh", "-c", f"echo 'spec: [' >{manifest}")
    until("it is named", lambda: first_rule(broken) == "manifest-invalid", 60, 1)
    assert "bootstrap init, which writes its own files again" in findings(broken)[0]["next"]
    broken.run("bootstrap", "init")
    until("nothing is found", lambda: findings(broken) == [], 60, 2)


def test_a_pod_that_no_node_takes_is_named_and_the_advice_leads_on(broken: Node) -> None:
    broken.kubectl("taint", "nodes", "--all", "example.test/full=yes:NoSchedule")
    broken.kubectl("run", "waiting", "--image=localhost/none", "--image-pull-policy=Never")
    until("it is named", lambda: first_rule(broken) == "taint-untolerated", 30, 1)
    command = re.match(r"kubectl (taint nodes --all \S+-)", findings(broken)[0]["next"])
    assert command, findings(broken)
    broken.kubectl(*command[1].split())
    until("nothing is found", lambda: findings(broken) == [], 30, 1)
    broken.kubectl("delete", "pod", "waiting", "--now")


def test_damaged_etcd_data_is_named(broken: Node) -> None:
    """The database file's two meta pages are overwritten while etcd cannot write them again."""
    damage = "dd if=/dev/zero of=/var/lib/etcd/member/snap/db bs=4096 count=2 conv=notrunc"
    broken.run("sh", "-c", f"etcd=$(pidof etcd); kill -STOP $etcd; {damage}; kill -KILL $etcd")
    until("it is named", lambda: first_rule(broken) == "etcd-data-damaged", 60, 1)
    found = findings(broken)[0]
    assert found["definite"]
    assert "failed to open database" in found["evidence"][0]


SMALL = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd: {local: {extraArgs: [{name: quota-backend-bytes, value: "16777216"}]}}
"""


def test_a_database_that_is_full_is_named_and_the_way_out_is_one(start: Start, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    node = start("space", "init", "--config", "/p/small.yaml", options=("--privileged", "-v", f"{tmp_path}:/p:ro"))
    node.wait_healthy()
    large = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"generateName": "large-"},
        "data": {"a": 900_000 * "x"},
    }

    def full() -> bool:
        done = node.exec("kubectl", "create", "-f", "-", stdin=json.dumps(large).encode())
        return "database space exceeded" in done.stderr

    until("no more is taken", full, 90, every=0)
    until("it is named", lambda: "etcd-space" in [found["rule"] for found in findings(node)])
    refused = node.exec("bootstrap", "etcd", "rotate-encryption-key")
    assert (refused.returncode, "--encryption-provider secretbox" in refused.stderr) == (CONFLICT, True), refused.stderr
    node.run("sh", "-c", "kubectl delete --wait=false $(kubectl get configmaps -o name | grep large-)")
    assert "it takes writes again" in node.run("bootstrap", "etcd", "defrag")
    node.kubectl("create", "configmap", "small")
