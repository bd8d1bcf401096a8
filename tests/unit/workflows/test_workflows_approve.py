"""Kubelets' requests, approved once and for ever (--follow)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.engine import effects
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.wait import observe
from bootstrap.host.port import ApiResponse
from bootstrap.model import names
from bootstrap.model.conditions import KubeletSigned
from bootstrap.model.effects import ServingApproved
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.certs import CertSpec, build, certificate_pem
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.serving import SERVING
from bootstrap.workflows import approve
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi
from tests.unit.render.test_render_pki_serving import asked, node, pem

CONF = b"""
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "https://192.0.2.10:6443"}}]
users: [{name: a, user: {}}]
"""
NODE = node("w1", "w1", "192.0.2.21")


class Over(Exception):
    """Ends what goes on for ever."""


class Requests(MemoryApi):
    """Lists what it has; `steps` are called one after another where somebody waits for a change."""

    def __init__(self, *names_of: str, steps: tuple[Callable[[], None], ...] = ()) -> None:
        super().__init__()
        self.node = NODE
        self.steps, self.waited = list(steps), list[int]()
        for name in names_of:
            self.ask(name)

    def ask(self, name: str, content: bytes | None = None, age: int = 0) -> None:
        made = f"{datetime.now(UTC) - timedelta(seconds=age):%Y-%m-%dT%H:%M:%SZ}"
        body = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", **asked(content)}
        self.create({**body, "metadata": {"name": name, "creationTimestamp": made}})

    def get(self, path: str) -> ApiResponse:
        if answer := self._interrupted():
            return answer
        if path == SERVING:
            metadata = {"resourceVersion": "5"}
            return ApiResponse(200, {"items": list(self.objects.values()), "metadata": metadata})
        if path.startswith("/api/v1/nodes/"):
            return ApiResponse(200, self.node) if path.endswith("/w1") else ApiResponse(404, {})
        assert path == "/api/v1/nodes"
        return ApiResponse(200, {"items": [NODE]})

    def approved(self) -> list[str]:
        return [body["metadata"]["name"] for body in self.objects.values() if body.get("status")]

    def wait_for_change(self, path: str, version: str, seconds: int) -> None:
        self.waited.append(seconds)
        if not self.steps:
            raise Over
        self.steps.pop(0)()


def following(monkeypatch: pytest.MonkeyPatch, api: Requests) -> None:
    host = MemoryHost()
    host.mkdir(names.KUBERNETES_DIR, 0o755)
    host.write(names.CONTROLLER_MANAGER_CONF, CONF, 0o600)
    monkeypatch.setattr(approve, "KubeApi", lambda kubeconfig: api)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(Over):
        approve.follow(host)


def test_what_comes_later_is_approved_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    api = Requests("csr-1")
    api.steps = [lambda: api.ask("csr-2")]
    following(monkeypatch, api)

    assert api.approved() == ["csr-1", "csr-2"]
    assert api.waited == [approve.IDLE] * 2
    assert capsys.readouterr().out.splitlines() == [f"csr-{n} of node w1 approved" for n in (1, 2)]


def test_one_that_is_left_holds_up_nobody_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Requests()
    api.ask("a-bad", pem("w1", "w9"))
    api.ask("csr-1")
    api.steps = [lambda: None, lambda: None]
    following(monkeypatch, api)

    assert api.approved() == ["csr-1"]
    assert api.waited == [approve.SOON] * 3, "it may have its address a moment later"
    assert capsys.readouterr().out.count("a-bad of node w1 is left: w9") == 2


def test_an_old_one_is_not_asked_about_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Requests()
    api.ask("a-bad", pem("w1", "w9"), age=3600)
    following(monkeypatch, api)

    assert api.waited == [approve.IDLE]


@pytest.mark.parametrize(
    "away", [ConnectionError("connection refused"), ApiResponse(403, {"message": "forbidden"}), ApiResponse(500, {})]
)
def test_it_goes_on_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch, away: Any) -> None:
    api = Requests("csr-1")
    api.before = [away, away]
    following(monkeypatch, api)

    assert api.approved() == ["csr-1"]


def test_once_is_for_an_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Requests("csr-1")
    monkeypatch.setattr(approve, "administrator", lambda host, kubeconfig: api)
    (seen,) = approve.approve(MemoryHost(), "", dry_run=True)
    assert (seen.request, seen.node, seen.refusal, api.approved()) == ("csr-1", "w1", "", [])

    approve.approve(MemoryHost(), "", dry_run=False)
    assert api.approved() == ["csr-1"]

    api.before = [ConnectionError("refused")]
    with pytest.raises(BootstrapError) as found:
        approve.approve(MemoryHost(), "", dry_run=False)
    assert found.value.code == Exit.API


SINCE = datetime(2026, 1, 2, tzinfo=UTC)


def heard(*, minutes: int) -> dict[str, Any]:
    """The node, as it said it so long after its boot."""
    status, when = NODE["status"], f"{SINCE + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"
    return {**NODE, "status": {**status, "conditions": [{**status["conditions"][0], "lastHeartbeatTime": when}]}}


def signed(*sans: str, days: int = 1) -> bytes:
    key, begun = CryptoKeySource().new("ECDSA-P256"), datetime.now(UTC) - timedelta(hours=1)
    made = build(CertSpec("x", sans=sans), key, None, serial=1, now=begun, lifetime=days * 86400)
    return certificate_pem(made)


@pytest.mark.parametrize(
    ("minutes", "pem_", "why"),
    [
        (1, signed("w1", "192.0.2.21"), ""),
        (1, signed("w1", "192.0.2.21", "192.0.2.20"), ""),
        (1, None, "it is not there yet"),
        (1, signed("w1", "192.0.2.20"), "it lacks 192.0.2.21"),
        (1, signed("w1", "192.0.2.21", days=0), "it has ended"),
        (-1, signed("w1", "192.0.2.21"), "not reported since the boot"),
    ],
)
def test_what_a_kubelet_serves_with_is_for_where_it_is_now(minutes: int, pem_: bytes | None, why: str) -> None:
    api, host = Requests(), MemoryHost()
    api.node = heard(minutes=minutes)
    if pem_:
        host.mkdir("/p", 0o755)
        host.write("/p/s.pem", pem_, 0o600)
    context = RunContext(host, lambda: api, lambda url: (200, ""), "join")
    found = observe(KubeletSigned("w1", "/p/s.pem", SINCE.timestamp()), context)

    assert (why in found) if why else not found


def test_a_control_plane_approves_its_own_and_no_other() -> None:
    api, host = Requests("csr-1"), MemoryHost()
    api.node = heard(minutes=1)
    context = RunContext(host, lambda: api, lambda url: (200, ""), "init")

    def effect(name: str) -> ServingApproved:
        return ServingApproved(KubeletSigned(name, "/p/s.pem", SINCE.timestamp()))

    with pytest.raises(BootstrapError, match="the kubelet of other did not get") as found:
        effects.apply_effect(effect("other"), context, 0.1)
    assert (found.value.code, api.approved()) == (Exit.WAIT, [])

    with pytest.raises(BootstrapError, match="the kubelet of w1 did not get") as found:
        effects.apply_effect(effect("w1"), context, 0.1)
    assert (api.approved(), "it is not there yet" in found.value.why) == (["csr-1"], True)

    host.mkdir("/p", 0o755)
    host.write("/p/s.pem", signed("w1", "192.0.2.21"), 0o600)
    assert not effects.apply_effect(effect("w1"), context, 0.1)
