"""The scripts of docs/how-to/ci.md, as a job of each service would run them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.node import IMAGE, component, docker

PAGE = Path(__file__).parents[2] / "docs/how-to/ci.md"
SOCKET = "/var/run/docker.sock"
TIMEOUT = 300


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def job(tmp_path: Path, app: Path) -> Iterator[Path]:
    """A job's folder, with an app to build; its home, and what it made, are gone afterwards."""
    (tmp_path / "app").mkdir()
    shutil.copy(app, tmp_path / "app/app")
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\nCOPY app /app\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/kubectl").symlink_to(component("hyperkube", "hyperkube"))
    yield tmp_path
    for name in ("ci", f"ci-{os.getpid()}"):
        docker("rm", "-fv", *docker("ps", "-aq", "--filter", f"label=bootstrap.cluster={name}").stdout.split())
        docker("network", "rm", name)
    docker("rmi", "app:test")


def ran(job: Path, shell: list[str], script: str, **environment: str) -> str:
    """In a shell as the service starts it, without a terminal and with little in the environment."""
    env = {"PATH": f"{job / 'bin'}:{os.environ['PATH']}", "HOME": str(job), "BOOTSTRAP_IMAGE": IMAGE, **environment}
    done = subprocess.run(
        [*shell, script], cwd=job, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_shell_script(job: Path) -> None:
    (script,) = blocks("sh")
    ran(job, ["sh", "-c"], script)

    assert "current-context: ''" in (config := (job / ".kube/config").read_text()) or 'current-context: ""' in config
    assert list((job / "logs").rglob("container.log"))
    assert docker("ps", "-aq", "--filter", "label=bootstrap.cluster=ci").stdout == ""


def test_the_workflow_of_github_actions(job: Path) -> None:
    workflow = next(document for text in blocks("yaml") if "jobs" in (document := yaml.safe_load(text)))
    number = str(os.getpid())
    environment = {"RUNNER_TEMP": str(job / "temp"), "GITHUB_RUN_ID": number}
    files = {name: job / name for name in ("GITHUB_PATH", "GITHUB_ENV")}
    for file in files.values():
        file.touch()
    for step in workflow["jobs"]["test"]["steps"]:
        if "run" not in step:
            continue
        paths = ":".join([*files["GITHUB_PATH"].read_text().split(), str(job / "bin"), os.environ["PATH"]])
        given = dict(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines())
        more = {**environment, **{name: str(file) for name, file in files.items()}, **given, "PATH": paths}
        ran(job, ["bash", "-e", "-o", "pipefail", "-c"], step["run"], **more)

    assert list((job / "logs").rglob("container.log"))
    assert "critical path" in (job / "timings.html").read_text()
    assert docker("ps", "-aq", "--filter", f"label=bootstrap.cluster=ci-{number}").stdout == ""
    assert not (job / ".kube/config").exists(), "KUBECONFIG is another file"


def test_the_job_of_gitlab(job: Path, gateway: str) -> None:
    """Its engine is elsewhere: here it is the machine's, reached by TCP."""
    document = next(document for text in blocks("yaml") if "test" in (document := yaml.safe_load(text)))
    with socket.create_server((gateway, 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        engine = f"tcp://{gateway}:{listening.getsockname()[1]}"
        assert document["test"]["variables"]["DOCKER_HOST"].startswith("tcp://docker:")
        ran(job, ["sh", "-e", "-c"], "\n".join(document["test"]["script"]), DOCKER_HOST=engine)

    assert f"server: https://{gateway}:" in (job / "kubeconfig").read_text()
    assert (job / "logs.tar").stat().st_size > 10_000


def serve(listening: socket.socket) -> None:
    """Each connection goes to the engine's socket, both ways, and each way ends by itself."""
    while True:
        try:
            outside, _ = listening.accept()
        except OSError:
            return
        inside = socket.socket(socket.AF_UNIX)
        inside.connect(SOCKET)
        for source, target in ((outside, inside), (inside, outside)):
            threading.Thread(target=copy, args=(source, target), daemon=True).start()


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
