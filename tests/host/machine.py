"""A Docker host to be a guest on: a systemd container with an engine of its own, busy with a container of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bootstrap.model import names
from tests.e2e.node import IMAGE, docker, must, until

ROOT = Path(__file__).parents[2]
PRODUCT = "bootstrap:v1.37.0"
"""The product's name on the machine, whatever it is called here."""
BUSY = "busy"
"""The name of the container that somebody else runs there all the time."""
ENTER = ("--privileged", "--pid=host", "--network=host", "-v", "/:/host")
VOLUMES = ("-v", "/var/lib", "--tmpfs", "/run", "--tmpfs", "/tmp")  # noqa: S108 - mount points of the machine
SLOW = 600.0
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")
APP_IMAGE = "bt-e2e-app:1"
"""A web server and its client (tests/e2e/app)."""
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
STATE = """
systemctl list-unit-files --no-legend --no-pager | awk '{print $1, $2}' | sort
ip -br link | sed 's/@.*//' | awk '{print $1}' | grep -v '^veth' | sort
ip rule; ip -6 rule
ip route show table all | grep -v -E 'veth|fe80|ff00|linkdown' | sort
nft list ruleset | grep -E '^table|jump|accept|drop' | grep -B1 -E '^\\s' | grep ^table | sort
iptables-save | grep -E '^-A|^:.* -' | grep -v -E 'DOCKER_(OUTPUT|POSTROUTING)' \
  | sed -E 's/\\[.*//; s/172\\.[0-9.]+(\\/[0-9]+)?//g' | sort
sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables
cat /proc/mounts | awk '{print $2}' | grep -v /run/docker/netns | sort
find /etc /opt /usr/libexec /usr/local /var/lib /root -xdev -not -path '/var/lib/docker/*' \
  -not -path '/var/lib/containerd/*' -not -path '/var/lib/systemd/*' -not -path '/root/.kube*' \
  -printf '%p %M %u %g %l\\n' | sort
find /etc /opt /usr/local -xdev -type f -exec sha256sum {} + | sort -k2
"""
"""What a machine is like, in words that do not change by themselves."""


def machine_image() -> str:
    """The image of such a machine, built when its Dockerfile or its base changed."""
    folder = Path(__file__).parent
    base = must(docker("images", "--format", "{{.Repository}}:{{.Tag}}", "localhost/bootstrap/base")).split()
    name = base[0] if base else "debian:trixie-slim"
    key = hashlib.sha256(f"{name}\n{(folder / 'Dockerfile').read_text()}".encode()).hexdigest()[:16]
    tag = f"localhost/bootstrap/test-host:{key}"
    if docker("image", "inspect", tag).returncode:
        build = ("buildx", "build", "--network=host", "--load", f"--build-arg=BASE={name}", "--tag", tag, str(folder))
        must(docker(*build, timeout=SLOW))
    return tag


class Machine:
    """One such machine; `remove` it, volumes included."""

    def __init__(
        self, name: str, options: Sequence[str] = (), network: Sequence[str] = (), beside: Machine | None = None
    ) -> None:
        self.name = f"bt-host-{name}-{os.getpid()}"
        self.network = beside.network if beside else self.name
        if beside is None:
            must(docker("network", "create", *network, self.name))  # alone there, it keeps its address when it boots
        self.engine = "unix:///var/run/docker.sock"
        place = ("--hostname", name, "--name", self.name, "--network", self.network)
        words = ("--privileged", "--cgroupns=private", *place, *VOLUMES, *options)
        must(docker("run", "-d", *words, machine_image()))
        self._await_docker()

    def _await_docker(self) -> None:
        until("the machine's engine answers", lambda: not self.sh("docker info").returncode, 120)

    def sh(self, script: str, timeout: float = SLOW) -> subprocess.CompletedProcess[str]:
        """A shell script on the machine, as root."""
        return docker("exec", "-e", f"DOCKER_HOST={self.engine}", self.name, "sh", "-c", script, timeout=timeout)

    def must(self, script: str, timeout: float = SLOW) -> str:
        return must(self.sh(script, timeout))

    def load_product(self) -> None:
        """The product's image, and that of the busy container, into the machine's engine."""
        self.load(IMAGE)
        if IMAGE != PRODUCT:
            self.must(f"docker tag {IMAGE} {PRODUCT}")
        self.must(f"docker run -d --name {BUSY} --restart=always --entrypoint sleep {PRODUCT} infinity")
        self.must(f"cat > /root/config.yaml <<'END'\n{CONFIG}END")

    def load(self, image: str, command: str = "docker load -q") -> None:
        """An image of the engine outside, into whatever takes an archive there."""
        pipe = f"docker save {image} | docker exec -i -e DOCKER_HOST={self.engine} {self.name} {command}"
        subprocess.run(["sh", "-c", pipe], check=True, capture_output=True, timeout=SLOW)

    def bootstrap(self, *words: str, timeout: float = SLOW) -> subprocess.CompletedProcess[str]:
        """`docker run … bootstrap WORDS` on the machine, with the host entered."""
        run = ("docker", "run", "--rm", *ENTER, PRODUCT, *words)
        return docker("exec", "-e", f"DOCKER_HOST={self.engine}", self.name, *run, timeout=timeout)

    def init(self, *words: str) -> str:
        return must(self.bootstrap("init", "--config", "/root/config.yaml", *words))

    def state(self) -> list[str]:
        return self.must(STATE).splitlines()

    def is_ready(self) -> bool:
        shown = self.kubectl("get", "nodes", "-o", "json")
        if shown.returncode:  # the API server is about to start
            return False
        nodes = json.loads(shown.stdout)["items"]
        conditions = [c for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
        return bool(conditions) and all(c["status"] == "True" for c in conditions)

    def address(self) -> str:
        shown = docker(
            "inspect", "--format", f'{{{{(index .NetworkSettings.Networks "{self.network}").IPAddress}}}}', self.name
        )
        return must(shown).strip()

    def kubectl(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        command = "KUBECONFIG=/etc/kubernetes/admin.conf /opt/bootstrap/bin/kubectl " + " ".join(words)
        return self.sh(command, timeout)

    def reboot(self) -> None:
        """Everything ends, /run is emptied, systemd starts what is enabled."""
        must(docker("restart", "-t", "30", self.name, timeout=SLOW))
        self._await_docker()

    def remove(self) -> None:
        docker("rm", "-fv", self.name)
        docker("network", "rm", self.network)  # the last one there


class Outside(Machine):
    """A machine that programs of the engine outside enter."""

    def run(self, image: str, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        return docker("run", "--rm", "-i", *self._entered(), image, *words, stdin=stdin, timeout=SLOW)

    def killed(self, step: str | int, image: str, *words: str) -> subprocess.CompletedProcess[str]:
        """The command, which ends itself with SIGKILL after a step, by its name or its number."""
        inside = ("-v", f"{ROOT}/tests/faults:/faults:ro", "--entrypoint", "/usr/bin/python3")
        words = ("-IS", "/faults/inside.py", str(step), "SIGKILL", *words)
        return docker("run", "--rm", *self._entered(), *inside, image, *words, timeout=SLOW)

    def _entered(self) -> tuple[str, ...]:
        root = must(docker("inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", self.name)).strip()
        here = (f"--pid=container:{self.name}", f"--network=container:{self.name}", "-v", f"{root}:/host")
        return ("--privileged", *here)

    def versions(self, components: Sequence[str] = KUBERNETES) -> set[str]:
        """Of the Pods as they are asked for, and of the state of the next run."""
        shown = must(self.kubectl("get", "pods", "-n", "kube-system", "-o", "json"))
        pods = [pod for pod in json.loads(shown)["items"] if "deletionTimestamp" not in pod["metadata"]]
        images = {c["image"] for pod in pods for c in pod["spec"]["containers"]}
        tags = {image.rpartition(":")[2] for image in images if image.split("/")[-1].split(":")[0] in components}
        return {*(tag.replace("_", "+") for tag in tags), self.stored()}

    def stored(self) -> str:
        """The version in the state of the next run."""
        return self.must(f"grep ^kubernetesVersion {names.STATE_CONFIG}").split()[1]
