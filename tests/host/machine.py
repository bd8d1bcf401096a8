"""A Docker host to be a guest on: a systemd container with an engine of its own, busy with a container of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from node import IMAGE, docker, must, until  # noqa: E402  # the path above makes it importable

PRODUCT = "bootstrap:v1.37.0"
"""The product's name on the machine, whatever it is called here."""
BUSY = "busy"
"""The name of the container that somebody else runs there all the time."""
ENTER = ("--privileged", "--pid=host", "--network=host", "-v", "/:/host")
VOLUMES = ("-v", "/var/lib", "--tmpfs", "/run", "--tmpfs", "/tmp")  # noqa: S108 - mount points of the machine
SLOW = 600.0


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

    def __init__(self, name: str, options: Sequence[str] = ()) -> None:
        self.name = f"bt-host-{name}-{os.getpid()}"
        must(docker("network", "create", self.name))  # alone there, it keeps its address when it boots
        place = ("--hostname", name, "--name", self.name, "--network", self.name)
        words = ("--privileged", "--cgroupns=private", *place, *VOLUMES, *options)
        must(docker("run", "-d", *words, machine_image()))
        self._await_docker()

    def _await_docker(self) -> None:
        until("the machine's engine answers", lambda: not self.sh("docker info").returncode, 120)

    def sh(self, script: str, timeout: float = SLOW) -> subprocess.CompletedProcess[str]:
        """A shell script on the machine, as root."""
        return docker("exec", self.name, "sh", "-c", script, timeout=timeout)

    def must(self, script: str, timeout: float = SLOW) -> str:
        return must(self.sh(script, timeout))

    def load_product(self) -> None:
        """The product's image, and that of the busy container, into the machine's engine."""
        command = f"docker save {IMAGE} | docker exec -i {self.name} docker load -q"
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=SLOW)
        if IMAGE != PRODUCT:
            self.must(f"docker tag {IMAGE} {PRODUCT}")
        self.must(f"docker run -d --name {BUSY} --restart=always --entrypoint sleep {PRODUCT} infinity")

    def bootstrap(self, *words: str, timeout: float = SLOW) -> subprocess.CompletedProcess[str]:
        """`docker run … bootstrap WORDS` on the machine, with the host entered."""
        return docker("exec", self.name, "docker", "run", "--rm", *ENTER, PRODUCT, *words, timeout=timeout)

    def kubectl(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        command = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl " + " ".join(words)
        return self.sh(command, timeout)

    def reboot(self) -> None:
        """Everything ends, /run is emptied, systemd starts what is enabled."""
        must(docker("restart", "-t", "30", self.name, timeout=SLOW))
        self._await_docker()

    def remove(self) -> None:
        docker("rm", "-fv", self.name)
        docker("network", "rm", self.name)
