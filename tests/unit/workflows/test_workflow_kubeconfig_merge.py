"""Into somebody's kubeconfigs and out again: which file, whose it is, and what is refused."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bootstrap.cli.app import app
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.host.facts.kubeconfigs import kubeconfigs
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.kubeconfig_merge import merge_kubeconfig, take_out_kubeconfig
from tests.memory import Entry, MemoryHost

OURS = b"""
clusters: [{name: k, cluster: {server: "https://192.0.2.1:6443"}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
current-context: c
users: [{name: u, user: {token: t}}]
"""
THEIRS = b"# mine\ncontexts:\n- name: work\ncurrent-context: work\n"
CONFIG = "/home/ann/.kube/config"
ANN = (1000, 1000)


def home(content: bytes | None = THEIRS) -> MemoryHost:
    host = MemoryHost()
    host.entries |= {"/home": Entry("dir", 0o755), "/home/ann": Entry("dir", 0o755, owner=ANN)}
    host.entries["/home/ann/.kube"] = Entry("dir", 0o755, owner=ANN)
    if content is not None:
        host.entries[CONFIG] = Entry("file", 0o644, content, ANN)
    return host


@pytest.mark.parametrize(
    ("environment", "paths"),
    [
        ({"HOME": "/home/ann"}, (CONFIG,)),
        ({}, ("/root/.kube/config",)),
        ({"HOME": "/home/ann", "KUBECONFIG": ""}, (CONFIG,)),
        ({"HOME": "/home/ann", "KUBECONFIG": ":"}, (CONFIG,)),
        ({"HOME": "/home/ann", "KUBECONFIG": names.ADMIN_CONF}, (CONFIG,)),
        ({"HOME": "/home/ann", "KUBECONFIG": "/a::/b:/a"}, ("/a", "/b")),
    ],
)
def test_the_files_are_those_of_kubectl(environment: dict[str, str], paths: tuple[str, ...]) -> None:
    assert kubeconfigs(environment) == paths


def test_a_file_stays_its_owners_and_becomes_private() -> None:
    host = home()

    assert merge_kubeconfig(host, (CONFIG,), "ours", OURS) == (CONFIG,)
    written = host.entries[CONFIG]
    assert (written.owner, written.mode) == (ANN, 0o600)
    assert parse_one(written.content)["current-context"] == "ours"
    assert take_out_kubeconfig(host, (CONFIG,), "ours") == (CONFIG,)
    assert host.entries[CONFIG].content.startswith(THEIRS)
    assert take_out_kubeconfig(host, (CONFIG,), "ours") == ()


def test_a_new_one_belongs_to_whom_its_folder_does() -> None:
    host = home(None)
    merge_kubeconfig(host, (CONFIG,), "ours", OURS)

    assert (host.entries[CONFIG].owner, host.entries[CONFIG].mode) == (ANN, 0o600)


def test_a_folder_that_is_not_there_is_made() -> None:
    host = MemoryHost()

    assert merge_kubeconfig(host, ("/root/.kube/config",), "ours", OURS) == ("/root/.kube/config",)


def test_a_link_is_followed_and_stays() -> None:
    host = home()
    host.entries["/home/ann/link"] = Entry("link", 0o777, CONFIG.encode())
    merge_kubeconfig(host, ("/home/ann/link",), "ours", OURS)

    assert host.entries["/home/ann/link"].kind == "link"
    assert parse_one(host.entries[CONFIG].content)["current-context"] == "ours"


@pytest.mark.parametrize(
    ("paths", "new"),
    [(("/none", CONFIG), CONFIG), ((CONFIG, "/none"), CONFIG), (("/none", "/home/other"), "/home/other")],
)
def test_new_entries_go_where_kubectl_puts_them(paths: tuple[str, ...], new: str) -> None:
    assert merge_kubeconfig(home(), paths, "ours", OURS) == (new,)


@pytest.mark.parametrize("content", [b"a: b: c", b"\xff\xfe\xff", b"[]", b"contexts: word"])
def test_a_broken_one_is_refused_and_stays(content: bytes) -> None:
    host = home(content)
    before = dict(host.entries)
    for change in (
        lambda: merge_kubeconfig(host, (CONFIG,), "ours", OURS),
        lambda: take_out_kubeconfig(host, (CONFIG,), "ours"),
    ):
        with pytest.raises(BootstrapError, match="left as it is") as caught:
            change()
        assert (caught.value.code, host.entries) == (Exit.CONFIG, before)


def test_a_locked_one_is_refused_and_stays() -> None:
    host = home()
    host.entries[f"{CONFIG}.lock"] = Entry("file", 0)
    before = dict(host.entries)

    with pytest.raises(BootstrapError, match=r"config\.lock is there") as caught:
        merge_kubeconfig(host, (CONFIG,), "ours", OURS)

    assert (caught.value.code, host.entries) == (Exit.CONFLICT, before)


def test_a_name_of_somebody_else_is_refused() -> None:
    with pytest.raises(BootstrapError, match="work") as caught:
        merge_kubeconfig(home(), (CONFIG,), "work", OURS)

    assert (caught.value.code, "--context" in caught.value.fix) == (Exit.CONFLICT, True)


def test_a_file_that_is_mounted_by_itself_says_what_to_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    host = home()
    monkeypatch.setattr("bootstrap.workflows.kubeconfig_merge.mount_points", lambda: (CONFIG,))
    with pytest.raises(BootstrapError, match="mounted by itself") as caught:
        merge_kubeconfig(host, (CONFIG,), "ours", OURS)

    assert "-v ~/.kube" in caught.value.fix


def test_the_command_puts_it_in_and_takes_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    host = home()
    host.mkdir("/etc/kubernetes", 0o755)
    host.write(names.ADMIN_CONF, OURS, 0o600)
    monkeypatch.setenv("KUBECONFIG", CONFIG)
    monkeypatch.setattr("bootstrap.workflows.mode.LiveHost", lambda: host)
    monkeypatch.setattr("bootstrap.workflows.mode.choose_mode", lambda: type("Mode", (), {"name": "node"}))

    done = CliRunner().invoke(app, ["kubeconfig", "--merge", "--context", "ci", "-o", "json"])
    assert json.loads(done.output) == {"context": "ci", "changed": [CONFIG]}
    assert parse_one(host.entries[CONFIG].content)["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    CliRunner().invoke(app, ["kubeconfig", "--unmerge", "--context", "ci"])
    assert b"ci" not in host.entries[CONFIG].content
    assert CliRunner().invoke(app, ["kubeconfig", "--unmerge", "--merge"]).exit_code == 2
