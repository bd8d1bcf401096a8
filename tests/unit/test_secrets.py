"""Marked secrets go in everywhere; whatever comes out is searched for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.cli.diagnose import _show as show_findings
from bootstrap.cli.preflight import _show as show_preflight
from bootstrap.cli.preflight import as_document
from bootstrap.cli.screens.plan import show_plan
from bootstrap.cli.screens.screen import Progress, show_error, show_json
from bootstrap.config import Documents, Overrides, load, resolve, to_stored, validate
from bootstrap.diagnosis.rule import Cause
from bootstrap.engine.run import run
from bootstrap.host.port import HostReader
from bootstrap.host.registry.credentials import login_for
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import Apply, Create, Directory, File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Event
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.images.mirrors import Credentials, Server
from bootstrap.model.plan import Plan
from bootstrap.model.secrets import Secret, hidden, hidden_words, login_of
from bootstrap.preflight.checks import run_checks
from bootstrap.render.controlplane.static_pods import manifest_path
from bootstrap.render.node.registry_logins import login_files
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.workflows.joining.lines import made_token, uploads
from tests.golden.rendered import NOW, manifests
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi
from tests.plans import new_inputs, planned
from tests.unit.engine.fakes import context

TOKEN, KEY = "c4n4ry.t0kent0kent0ken0", "C4DA" * 16
PROXY, BARE, MIRROR = "pr0xy-p4ssword", "b4re-p4ssword", "m1rror-p4ssword"
OLD_TOKEN, OLD_KEY, OLD_PROXY = "0ldold.0ldt0ken0ldt0ken", "0ADC" * 16, "0ld-pr0xy-p4ssword"
CANARIES = (TOKEN, TOKEN.partition(".")[2], KEY, PROXY, BARE, MIRROR, OLD_TOKEN, OLD_KEY, OLD_PROXY)
PROXIES = {"HTTPS_PROXY": f"http://user:{PROXY}@proxy.example:3128", "http_proxy": f"user:{BARE}@proxy.example:3128"}
FACTS = HostFacts("node", "n1", addresses=(Address("eth0", "192.0.2.10", True),), proxies=PROXIES)
INIT = {
    "apiVersion": "kubeadm.k8s.io/v1beta4",
    "kind": "InitConfiguration",
    "bootstrapTokens": [{"token": TOKEN}],
    "certificateKey": KEY,
}
BEFORE = {
    names.STATE_CONFIG: f"bootstrapTokens:\n- token: {OLD_TOKEN}\ncertificateKey: {OLD_KEY}\n",
    manifest_path("kube-apiserver"): f"env:\n- name: HTTPS_PROXY\n  value: http://user:{OLD_PROXY}@proxy.example\n",
}


@pytest.fixture(scope="module", autouse=True)
def proxies_were_read() -> None:
    """As the facts of a machine are gathered."""
    for proxy in PROXIES.values():
        login_of(proxy)


@pytest.fixture(scope="module")
def cfg() -> ClusterConfig:
    return resolve(load(yaml.safe_dump(INIT).encode()), Overrides(), FACTS)


@pytest.fixture(scope="module")
def plan(cfg: ClusterConfig, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """With tokens, uploaded certificates and a mirror's login."""
    file = tmp_path_factory.mktemp("mirror") / "password"
    file.write_text(MIRROR)
    login = login_for(Server("mirror.example", credentials=Credentials(username="u", password_file=str(file))))
    assert login is not None
    inputs = new_inputs(cfg, FACTS, CryptoKeySource(), NOW, manifests())
    pki = {f.path: f.content for f in inputs[1].pki}
    return planned(
        inputs,
        tokens=tuple(map(made_token, cfg.run.tokens)),
        uploads=uploads(MemoryHost(), cfg, pki, cfg.run.certificate_key, NOW),
        logins=login_files(cfg.own.mirrors, {"mirror.example": login}),
    )


def with_older_files() -> MemoryHost:
    host = MemoryHost()
    for path, text in BEFORE.items():
        host.mkdir(path.rpartition("/")[0], 0o755)
        host.write(path, text.encode(), 0o600)
    return host


def keys_of(plan: Plan) -> Iterator[str]:
    """A line out of the middle of every private key, as it is and as a kubeconfig has it."""
    for step in plan.steps:
        for effect in step.effects:
            lines = effect.content.decode().splitlines() if isinstance(effect, File) and effect.secret else []
            yield from (line[-40:] for line in lines[1:2] if "PRIVATE KEY" in lines[0])
            yield from (line[-40:] for line in lines if "client-key-data" in line)


def seen(shown: str, *more: str) -> list[str]:
    return [canary for canary in (*CANARIES, *more) if canary in shown]


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("host", [MemoryHost(), with_older_files()], ids=["new", "again"])
def test_a_dry_run_shows_no_secret(
    plan: Plan, host: HostReader, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(plan, host, lambda path: None, output)

    shown = capsys.readouterr().out
    assert "proxy.example" in shown
    assert len(list(keys_of(plan))) > 10
    assert seen(shown, *keys_of(plan)) == []


def test_a_run_says_and_records_no_secret(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    host, events = MemoryHost(), list[Event]()
    kinds = (File, Directory, Apply, Create)
    alone = [replace(s, effects=tuple(e for e in s.effects if isinstance(e, kinds)), waits=()) for s in plan.steps]
    progress = Progress(plan)

    def listen(event: Event) -> None:
        events.append(event)
        progress(event)

    run(Plan(tuple(alone)), context(host, MemoryApi()), listen)

    journal = b"".join(host.read(f"{names.JOURNAL}/{name}") or b"" for name in host.listdir(names.JOURNAL))
    assert events and (journal or host.read(names.JOURNAL))
    assert seen(f"{events!r}{capsys.readouterr().out}{journal.decode()}{host.read(names.JOURNAL)!r}") == []


def test_what_is_stored_for_the_next_run_holds_no_secret(cfg: ClusterConfig) -> None:
    assert seen(to_stored(cfg)) == []
    assert seen(repr(cfg)) == []


def test_findings_show_no_secret(cfg: ClusterConfig, capsys: pytest.CaptureFixture[str]) -> None:
    preflight = run_checks(cfg, FACTS, fresh=True)
    assert any("proxy.example" in finding.message for finding in preflight.findings)
    show_preflight(preflight)
    show_json(as_document(preflight))
    dialled, by = f"dial {PROXIES['HTTPS_PROXY']}", (PROXIES["http_proxy"],)
    cause = Cause("proxy", "log", dialled, "x", "x", by, times=1, definite=True)
    show_findings([cause])
    show_json({"findings": [vars(cause)]})

    assert seen(capsys.readouterr().out) == []


def test_errors_show_no_secret(cfg: ClusterConfig, capsys: pytest.CaptureFixture[str]) -> None:
    login = f"Authorization: {Secret(MIRROR)}"
    show_error(BootstrapError(TOKEN, code=Exit.API, why=KEY, fix=PROXIES["HTTPS_PROXY"], details=(login,), more=login))

    assert seen(capsys.readouterr().err) == []


@pytest.mark.parametrize(
    "document",
    [
        {"bootstrapTokens": TOKEN},
        {"bootstrapTokens": [TOKEN]},
        {"bootstrapTokens": {"token": TOKEN}},
        {"bootstrapTokens": [{"token": TOKEN.upper()}]},
        {"bootstrapTokens": [{"token": [TOKEN]}]},
        {"bootstrapTokens": [{"token": TOKEN, "ttl": "x"}]},
        {"token": TOKEN},
        {"certificateKey": KEY + "0"},
        {"certificateKey": [KEY]},
        {"certificateKey": {"key": KEY}},
        {"kind": "JoinConfiguration", "discovery": TOKEN},
        {"kind": "JoinConfiguration", "discovery": {"bootstrapToken": TOKEN}},
        {"kind": "JoinConfiguration", "discovery": {"tlsBootstrapToken": [TOKEN]}},
        {"kind": "JoinConfiguration", "discovery": {"bootstrapToken": {"token": TOKEN + "x"}}},
        {"kind": "JoinConfiguration", "controlPlane": KEY},
        {"kind": "JoinConfiguration", "controlPlane": {"certificateKey": KEY + "0"}},
        {"apiVersion": "kubeadm.k8s.io/v1beta3", "bootstrapTokens": TOKEN},
    ],
    ids=json.dumps,
)
def test_what_is_wrong_with_a_secret_is_said_without_it(document: dict[str, Any]) -> None:
    text = yaml.safe_dump({"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration", **document})
    with pytest.raises(BootstrapError) as caught:
        validate(load(text.encode()))

    assert caught.value.details
    assert seen("\n".join(caught.value.details).lower(), TOKEN.upper().lower(), KEY.lower()) == []


@pytest.mark.parametrize("flags", [{"token": TOKEN + "x"}, {"certificate_key": KEY + "x"}])
def test_a_wrong_flag_is_named_without_its_secret(flags: dict[str, str]) -> None:
    with pytest.raises(BootstrapError) as caught:
        resolve(Documents(), Overrides(**flags), FACTS)

    assert seen(str(caught.value.details)) == []


@pytest.mark.parametrize("argv", [["--token", TOKEN], [f"--token={TOKEN}"], ["--certificate-key", KEY], [KEY.lower()]])
def test_another_process_is_named_without_its_secrets(argv: list[str]) -> None:
    assert seen(" ".join(hidden_words(argv)), KEY.lower()) == []
    assert hidden_words(["image@sha256:" + "0a" * 32]) == ["image@sha256:" + "0a" * 32]


def test_a_secret_is_its_text() -> None:
    assert (Secret("abcdefgh"), Secret("abcdefgh") + "i") == ("abcdefgh", "abcdefghi")
    assert hidden("the word abcdefgh") == "the word (hidden)"
    assert json.dumps({"a": Secret("abcdefgh")}) == '{"a": "abcdefgh"}'
    assert Path(Secret("abcdefgh")).name == "abcdefgh"
