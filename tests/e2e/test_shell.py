"""The image as a command of somebody's machine: components by name, the wrapper, completion in the real shells."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.node import IMAGE, PREFIX, docker, must

DEBIAN = Path(__file__).parents[2] / "scripts" / "debian.sh"
CONFIG = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
KUBECONFIG = """\
clusters: [{name: work, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: work, context: {cluster: work, user: me}}]
current-context: work
users: [{name: me, user: {}}]
"""
WORDS = 'COMP_WORDS=(bootstrap {}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _bootstrap; echo "${{COMPREPLY[@]}}"'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a blank in its name, and the wrapper in it, as `bootstrap`."""
    folder = tmp_path_factory.mktemp("a home")
    script = folder / "bootstrap"
    script.write_text(must(docker("run", "--rm", IMAGE, "wrapper", "--image", IMAGE)))
    script.chmod(0o755)
    (folder / ".kube").mkdir()
    (folder / ".kube/config").write_text(KUBECONFIG)
    (folder / "good.yaml").write_text(CONFIG)
    (folder / "bad.yaml").write_text(CONFIG + "nothing: 1\n")
    return folder


def wrapped(home: Path, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), **environment}
    argv = [str(home / "bootstrap"), *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, cwd=home, env=env, timeout=60, check=False)


def test_a_component_is_run_by_its_name_without_privileges() -> None:
    looks = {
        "kube-apiserver --version": "Kubernetes v1.",
        "kubelet --version": "Kubernetes v1.",
        "kubectl version --client": "Client Version: v1.",
        "etcd --version": "etcd Version: 3.",
        "etcdctl version": "etcdctl version: 3.",
    }
    for words, said in looks.items():
        assert said in must(docker("run", "--rm", "--cap-drop=ALL", "--network=none", IMAGE, *words.split())), words
    refused = docker("run", "--rm", IMAGE, "kubeadm", "init")
    assert (refused.returncode, "not in this image" in refused.stderr) == (2, True)


def test_the_wrapper_reaches_files_standard_input_and_kubeconfigs(home: Path) -> None:
    assert wrapped(home, "config", "validate", "--config", "good.yaml").stdout == "ok\n"
    assert wrapped(home, "config", "validate", "--config", str(home / "good.yaml")).returncode == 0
    assert wrapped(home, "config", "validate", "--config", "-", stdin=CONFIG).stdout == "ok\n"
    bad = wrapped(home, "config", "validate", "--config", "bad.yaml")
    assert (bad.returncode, bad.stdout) == (3, "")
    assert wrapped(home, "kubectl", "config", "current-context").stdout == "work\n"
    (home / "other").mkdir()
    (home / "other/k").write_text(KUBECONFIG.replace("work", "rest"))
    listed = wrapped(home, "kubectl", "config", "get-contexts", "-o", "name", KUBECONFIG="other/k:.kube/config")
    assert listed.stdout.split() == ["rest", "work"]


def test_the_wrapper_keeps_the_terminal(home: Path) -> None:
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb"}
    script = ("/bin/sh", "-c", "./bootstrap wrapper --help; test -t 1; echo left $?")
    subprocess.run(script, stdin=theirs, stdout=theirs, stderr=theirs, cwd=home, env=env, timeout=60, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "executable" in shown
    assert "left 0\r\n" in shown


def test_a_signal_reaches_what_runs_inside_and_its_exit_code_comes_back(home: Path) -> None:
    name = f"{PREFIX}-signal-{os.getpid()}"
    docker_with_name = home / "named"
    docker_with_name.write_text(f'#!/bin/sh\nshift\nexec docker run --name {name} "$@"\n')
    docker_with_name.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER": str(docker_with_name)}
    reads = subprocess.Popen(
        [home / "bootstrap", "config", "validate", "--config", "-"], stdin=subprocess.PIPE, cwd=home, env=env
    )
    deadline = time.monotonic() + 30
    while "bootstrap" not in docker("top", name).stdout and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    reads.terminate()
    assert reads.wait(30) == 130
    assert docker("inspect", name).returncode, "the container goes with it"


def test_shells_complete_without_a_container(home: Path) -> None:
    subprocess.run([DEBIAN, "zsh", "fish"], check=True)
    for shell in ("bash", "zsh", "fish"):
        (home / f"c.{shell}").write_text(wrapped(home, "completion", shell).stdout)

    def said(*argv: str) -> list[str]:
        return subprocess.run(argv, capture_output=True, text=True, cwd=home, check=True).stdout.split()

    def bash(words: str) -> list[str]:
        return said("bash", "-c", f"source ./c.bash; {WORDS.format(words)}")

    def fish(line: str) -> list[str]:
        return said("fish", "-c", f"source ./c.fish; complete -C '{line}'")

    def zsh(words: str) -> list[str]:
        return said("zsh", "-fc", f"autoload -U compinit; compinit -u -D; source ./c.zsh; _bootstrap_words {words}")

    assert bash("kubec") == fish("bootstrap kubec") == ["kubeconfig"]
    levels = ["api", "dns", "node"]
    assert sorted(bash("init --wait ''")) == levels
    assert sorted(fish("bootstrap init --wait ")) == levels
    assert sorted(zsh("init --wait")) == levels
    assert bash("init --wait = n") == ["node"]
    assert bash("addon ''")[:2] == zsh("addon")[:2] == ["list", "remove"]
    assert "good.yaml" in fish("bootstrap init --config good")
    assert bash("init --config ''") == [], "the shell completes files itself"
