"""The image runs what it has by name; nothing of a node is asked for."""

from __future__ import annotations

import os

import pytest

from bootstrap.cli import main
from bootstrap.cli.etcd import app
from bootstrap.host.component import OWN_VERBS, component
from bootstrap.model import names
from bootstrap.model.errors import Exit


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Program and words of what this process would have become."""
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: calls.append((program, words)))
    return calls


@pytest.mark.parametrize(
    ("typed", "program", "name"),
    [
        ("kube-apiserver", "/usr/bin/hyperkube", "kube-apiserver"),
        ("kube-proxy", "/usr/bin/hyperkube", "kube-proxy"),
        ("kubelet", "/usr/bin/hyperkube", "kubelet"),
        ("/usr/local/bin/kubectl", "/usr/bin/hyperkube", "kubectl"),
        ("/hyperkube", "/usr/bin/hyperkube", "hyperkube"),
        ("etcd", "/usr/bin/etcd", "etcd"),
        ("etcdctl", "/usr/bin/etcd", "etcdctl"),
        ("crictl", "/usr/bin/crictl", "crictl"),
    ],
)
def test_a_component_is_run_by_its_name(
    typed: str, program: str, name: str, ran: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bootstrap", typed, "--help", "-x"])
    main.main()

    assert ran == [(program, [name, "--help", "-x"])]


@pytest.mark.parametrize(("kubeconfig", "left"), [(names.ADMIN_CONF, None), ("/mine", "/mine"), (None, None)])
def test_kubectl_looks_at_home_where_there_is_no_node(
    kubeconfig: str | None, left: str | None, ran: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig or "")
    if kubeconfig is None:
        monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setattr("sys.argv", ["bootstrap", "kubectl", "get", "nodes"])
    main.main()

    assert (len(ran), os.environ.get("KUBECONFIG")) == (1, left)


@pytest.mark.parametrize(("words", "fix"), [(["init"], f"{names.IMAGE} init --help"), ([], f"{names.IMAGE} --help")])
def test_kubeadm_is_explained(
    words: list[str], fix: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bootstrap", "kubeadm", *words])

    assert main.main() == Exit.USAGE
    assert fix in capsys.readouterr().err


def test_outside_of_the_image_it_says_where_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootstrap.host.component.PROGRAMS", {"etcd": "/nowhere/etcd"})
    monkeypatch.setattr("sys.argv", ["bootstrap", "etcd", "--version"])

    assert main.main() == Exit.USAGE
    assert "/nowhere/etcd is not here" in capsys.readouterr().err


def test_etcd_takes_none_of_our_commands() -> None:
    """It would ignore the word, and start."""
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    assert set(OWN_VERBS) == commands | {group.name for group in app.registered_groups}


@pytest.mark.parametrize("word", OWN_VERBS)
def test_our_own_command_of_that_name_is_ours(word: str) -> None:
    assert component(["etcd", word]) == component(["etcd"]) == ""
    assert component(["etcd", "--version"]) == component(["/usr/local/bin/etcd", word]) == "etcd"
