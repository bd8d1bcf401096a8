"""One node container, driven with the docker command only: what a user has."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

IMAGE = os.environ.get("BOOTSTRAP_IMAGE", "bootstrap:v1.37.0")
PREFIX = "bt-e2e"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bootstrap" / "components"
T = TypeVar("T")


def docker(*args: str, stdin: bytes | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """A docker command, whatever its exit code; its output as text."""
    done = subprocess.run(["docker", *args], input=stdin, capture_output=True, timeout=timeout, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def must(done: subprocess.CompletedProcess[str]) -> str:
    """The standard output of a command that has to succeed."""
    assert done.returncode == 0, f"{done.args} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def until(what: str, look: Callable[[], T], timeout: float = 60, every: float = 0.5) -> T:
    """The first true value that `look` returns; AssertionError, with the last failure, when there is none in time."""
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            if value := look():
                return value
            last = value
        except AssertionError as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"{what}: not within {timeout:.0f} s; last: {last}")


def component(name: str, binary: str) -> Path:
    """The newest build of a binary in the component cache."""
    found = max(CACHE.glob(f"{name}/*/{binary}"), key=lambda p: p.stat().st_mtime, default=None)
    assert found, f"no {binary} in {CACHE}; make it with: scripts/build_components.py {name}"
    return found


def restarted(pods: dict[str, Any]) -> dict[str, Any]:
    """Names of the containers that needed a second try, each with how the first one ended.

    Left out is what runc did not start at all: on cgroup v1 with systemd it cannot always freeze a container that is
    being made, and the kubelet tries again a second later (https://github.com/kubernetes/kubernetes/issues/131087).
    """
    statuses = [status for pod in pods["items"] for status in pod["status"].get("containerStatuses", ())]
    ended = {s["name"]: s["lastState"] for s in statuses if s["restartCount"]}
    return {name: state for name, state in ended.items() if "unable to freeze" not in json.dumps(state)}


class Node:
    """A container of the image; `remove` it, volumes included."""

    living: list[Node] = []  # noqa: RUF012 - the one list of what has to be shown on failure and removed at the end

    def __init__(self, name: str, *words: str, options: Sequence[str] = ("--privileged",), image: str = IMAGE) -> None:
        self.name = f"{PREFIX}-{name}-{os.getpid()}"
        Node.living.append(self)
        must(docker("run", "-d", *options, "--name", self.name, image, *words))

    @classmethod
    def found(cls, name: str) -> Node:
        """A container that somebody else made, and removes."""
        node = cls.__new__(cls)
        node.name = name
        return node

    def remove(self) -> None:
        docker("rm", "-fv", self.name)
        if self in Node.living:
            Node.living.remove(self)

    def exec(self, *argv: str, stdin: bytes | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return docker("exec", *(["-i"] if stdin is not None else []), self.name, *argv, stdin=stdin, timeout=timeout)

    def run(self, *argv: str, stdin: bytes | None = None, timeout: float = 120) -> str:
        return must(self.exec(*argv, stdin=stdin, timeout=timeout))

    def kubectl(self, *args: str, stdin: bytes | None = None) -> str:
        return self.run("kubectl", "--request-timeout=10s", *args, stdin=stdin)

    def get(self, *args: str) -> Any:
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def logs(self) -> str:
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    def state(self) -> Any:
        return json.loads(must(docker("inspect", "--format", "{{json .State}}", self.name)))

    def address(self) -> str:
        networks = json.loads(must(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", self.name)))
        return next(str(network["IPAddress"]) for network in networks.values() if network["IPAddress"])

    def written(self, *below: str) -> list[str]:
        """Files added or changed below these directories, in a container that may have ended."""
        lines = must(docker("diff", self.name)).splitlines()
        return [line for line in lines if line.split(" ", 1)[1].startswith(below)]

    def listed(self, path: str) -> list[str]:
        """Everything below a path, volumes included, in a container that may have ended."""
        archive = subprocess.run(["docker", "cp", f"{self.name}:{path}", "-"], capture_output=True, check=True).stdout
        return subprocess.run(["tar", "-t"], input=archive, capture_output=True, check=True).stdout.decode().split()

    def wait_exit(self, timeout: float = 60) -> int:
        """The exit code of the container, which has to end by itself."""
        return int(must(docker("wait", self.name, timeout=timeout)))

    def wait_healthy(self, timeout: float = 120) -> None:
        """What the image's HEALTHCHECK says; asked directly, since its results come late."""

        def healthy() -> bool:
            state = self.state()
            assert state["Running"], f"the container ended with {state['ExitCode']}"
            return self.exec("bootstrap", "healthcheck").returncode == 0

        until(f"{self.name} healthy", healthy, timeout)
