"""Node containers, and a real `kubeadm init` in one: what the live parity test and the bench have in common."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import NODE_RUNTIME
from bootstrap.render.addons import builtin
from bootstrap.render.node.kubelet import kubelet_files

IMAGE = os.environ.get("BOOTSTRAP_IMAGE", "bootstrap:v1.37.0")
HOSTNAME = "node-1"
FACTS = HostFacts(mode="node", hostname=HOSTNAME, cgroup_version=1, conntrack_writable=False)
KUBEADM_CONFIG = "/root/kubeadm.yaml"
FLANNEL = "/root/flannel.yaml"
KUBEADM_INIT = f"kubeadm init --config {KUBEADM_CONFIG} --ignore-preflight-errors=all"
"""Its preflight refuses what containers have (swap, cgroup v1, no kernel configuration)."""
PATCHES = "/root/patches"


class NodeError(RuntimeError):
    """A command in or about a container failed."""


def docker(*words: str, stdin: bytes | None = None, timeout: float = 120) -> bytes:
    """Standard output of a docker command. Raises NodeError with what it said."""
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        said = (done.stdout[-2000:] + done.stderr[-2000:]).decode(errors="replace")
        raise NodeError(f"docker {' '.join(words)[:200]}: exit code {done.returncode}\n{said}")
    return done.stdout


@dataclass(frozen=True)
class Node:
    """A running container of our image."""

    name: str
    address: str
    pid: int
    """Of its PID 1, seen from this machine."""

    @classmethod
    def inspect(cls, name: str) -> Node:
        seen = json.loads(docker("inspect", name))[0]
        address = next(n["IPAddress"] for n in seen["NetworkSettings"]["Networks"].values())
        return cls(name, address, seen["State"]["Pid"])

    def run(self, *words: str, timeout: float = 120) -> str:
        return docker("exec", self.name, *words, timeout=timeout).decode()

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """A file, and the folders above it."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
        docker("cp", "-", f"{self.name}:/", stdin=archive.getvalue())

    def read(self, path: str) -> bytes | None:
        """A file's bytes, None if it is not there; past the engine where this machine allows it: that costs nothing."""
        with contextlib.suppress(PermissionError):
            try:
                return Path(f"/proc/{self.pid}/root{path}").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                return None
        try:
            return self.run("cat", path).encode()
        except NodeError:
            return None

    def files(self, *tops: str) -> Iterator[tuple[str, int, bytes]]:
        """Path, mode and content of every regular file below the given places."""
        for top in tops:
            with tarfile.open(fileobj=io.BytesIO(docker("cp", f"{self.name}:{top}", "-"))) as tar:
                for member in tar:
                    if member.isfile() and (stream := tar.extractfile(member)):
                        yield f"{top.rpartition('/')[0]}/{member.name}", member.mode, stream.read()

    def objects(self, kinds: str) -> list[dict[str, Any]]:
        """Every object of these kinds, in all namespaces."""
        found: list[dict[str, Any]] = json.loads(self.run("kubectl", "get", kinds, "-A", "-o", "json"))["items"]
        return found

    def remove(self) -> None:
        docker("rm", "-fv", self.name)


@contextlib.contextmanager
def node(name: str, *options: str) -> Iterator[Node]:
    """A booted node without a cluster, removed at the end."""
    remove(name)
    docker("run", "-d", "--privileged", *options, "--name", name, "--hostname", HOSTNAME, IMAGE, "node")
    try:
        started = Node.inspect(name)
        wait_booted(started)
        yield started
    finally:
        remove(name)


@contextlib.contextmanager
def started(name: str, *words: str) -> Iterator[Node]:
    """A container that does what the words say, until it is healthy; removed at the end."""
    remove(name)
    docker("run", "-d", "--privileged", "--name", name, IMAGE, *words)
    try:
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(NodeError):
                docker("exec", name, "bootstrap", "healthcheck")
                break
            if time.monotonic() > end:
                raise NodeError(docker("logs", name).decode())
            time.sleep(0.5)
        yield Node.inspect(name)
    finally:
        remove(name)


def remove(name: str) -> None:
    """A container and its volumes, if it is there."""
    with contextlib.suppress(NodeError):
        docker("rm", "-fv", name)


def wait_booted(started: Node, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while b"the node is up" not in docker("logs", started.name):
        if time.monotonic() > end:
            raise NodeError(f"{started.name} did not boot within {seconds} s")
        time.sleep(0.1)


def configuration(
    *, patches: bool = False, cluster: Mapping[str, Any] | None = None, init: Mapping[str, Any] | None = None
) -> bytes:
    """kubeadm's configuration of a node container: our images, flannel's Pod network, no conntrack sysctl."""
    upstream = "kubeadm.k8s.io/v1beta4"
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": upstream,
            "kind": "InitConfiguration",
            "nodeRegistration": {"criSocket": NODE_RUNTIME.socket},
            **({"patches": {"directory": PATCHES}} if patches else {}),
            **(init or {}),
        },
        {
            "apiVersion": upstream,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": names.BUILT_VERSION,
            "imageRepository": names.BUILT_REPOSITORY,
            "networking": {"podSubnet": names.POD_SUBNET},
            **(cluster or {}),
        },
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "conntrack": {"maxPerCore": 0},
        },
    ]
    return yaml.safe_dump_all(documents).encode()


def default_cluster(address: str) -> ClusterConfig:
    """Our defaults at this address."""
    return resolve(Documents(), Overrides(apiserver_advertise_address=address), FACTS)


def prepare_kubeadm(on: Node, kubeadm: Path, config: bytes) -> None:
    """What kubeadm expects of a machine: itself, its configuration, a packaged kubelet; and flannel's manifests.

    What this kind of node needs of the kubelet goes in as a patch, so that the stored configuration is kubeadm's own.
    """
    docker("cp", str(kubeadm), f"{on.name}:/usr/bin/kubeadm")
    on.write(KUBEADM_CONFIG, config)
    cfg = default_cluster(on.address)
    unit_files = [f for f in kubelet_files(cfg, FACTS, {}) if f.path in (names.KUBELET_UNIT, names.KUBELET_DROP_IN)]
    for file in unit_files:
        on.write(file.path, file.content, file.mode)
    on.write(f"{PATCHES}/kubeletconfiguration0+merge.yaml", to_yaml(_kubelet_patch(on)).encode())
    on.write(FLANNEL, yaml.safe_dump_all(builtin.flannel(cfg, FACTS, manifests())).encode())
    on.run("systemctl", "daemon-reload")


def _kubelet_patch(on: Node) -> dict[str, Any]:
    """The part of our own kubelet's configuration that comes from the machine and not from kubeadm's defaults."""
    v1 = "cgroup.controllers" not in on.run("ls", "/sys/fs/cgroup")
    swap = tuple(on.run("cat", "/proc/swaps").splitlines()[1:])
    facts = HostFacts(mode="node", hostname=HOSTNAME, cgroup_version=1 if v1 else 2, swap=swap)
    ours = next(f for f in kubelet_files(default_cluster(on.address), facts, {}) if f.path == names.KUBELET_CONFIG)
    document = yaml.safe_load(ours.content)
    wanted = ("failCgroupV1", "failSwapOn", "evictionHard", "imageGCHighThresholdPercent")
    return {key: document[key] for key in wanted if key in document}


def manifests() -> dict[str, str]:
    """The templates of the add-ons."""
    folder = Path(__file__).parents[2] / "manifests"
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*.yaml"))}
