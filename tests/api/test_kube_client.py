"""The API client at the level of HTTP and TLS: whom it believes, who it is, and what no answer does to a run."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.wait import wait_for
from bootstrap.host import kube_client
from bootstrap.host.kube_client import KubeApi, probe
from bootstrap.model import names
from bootstrap.model.conditions import HttpOk, NodeReady
from bootstrap.model.effects import Apply, Create
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.kubeconfig import rotatable_kubelet_conf
from bootstrap.workflows.api_access import administrator, super_admin
from tests.api.server import Answer, Cluster, Handler, cut, hangs_up, says, serving
from tests.memory import MemoryHost

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "d", "uid": "1"}}
PATH = "/api/v1/namespaces/d/configmaps/x"
GONE: dict[str, Answer] = {
    "nothing": hangs_up,
    "the middle of a body": cut(b'{"kind": "Conf', chunked=False),
    "the middle of a chunk": cut(b'{"kind": "Conf', chunked=True),
    "the end of a whole object": cut(b'{"kind": "ConfigMap"}', chunked=True),
}
NO_API: dict[str, Answer] = {
    "a page": says(200, b"<html>sign in</html>"),
    "an empty body": says(200, b""),
    "a list": says(200, []),
    "bytes that are no text": says(200, b"\xff\xfe\x00"),
    "fifty thousand brackets": says(200, b"[" * 50_000),
}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.made()


def admin(cluster: Cluster, url: str) -> KubeApi:
    return KubeApi(cluster.kubeconfigs[names.ADMIN_CONF], url)


def running(api: Callable[[], KubeApi]) -> RunContext:
    return RunContext(MemoryHost(), api, probe, "init")


def test_requests_are_what_an_api_server_takes(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(200, OBJECT)) as server:
        api = admin(cluster, server.url)
        answers = [api.get(PATH), api.create(OBJECT), api.apply(OBJECT), api.merge(OBJECT), api.delete(PATH)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, OBJECT)] * 5
    assert abs(answers[0].date - time.time()) < 60
    assert [(s.method, s.path.partition("?")[0]) for s in server.seen] == [
        ("GET", PATH),
        ("POST", PATH.removesuffix("/x")),
        ("PATCH", PATH),
        ("PATCH", PATH),
        ("DELETE", PATH),
    ]
    assert {s.user for s in server.seen} == {"kubernetes-admin"}
    kinds = [s.headers["Content-Type"] for s in server.seen if s.method == "PATCH"]
    assert kinds == ["application/apply-patch+yaml", "application/merge-patch+json"]


def streams(*changes: bytes, then: threading.Event) -> Answer:
    """A watch that says something and goes on."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for change in changes:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(change), change))
        handler.wfile.flush()
        then.wait(20)
        handler.close_connection = True

    return answer


def test_a_change_ends_the_wait_for_one(cluster: Cluster, tmp_path: Path) -> None:
    over = threading.Event()
    refused, silent = says(410, {"kind": "Status"}), streams(then=over)
    with serving(cluster, tmp_path, streams(b'{"type": "ADDED"}\n', then=over), refused, silent) as server:
        api, began = admin(cluster, server.url), time.monotonic()
        api.wait_for_change("/apis/x?fieldSelector=y", "7", 600)
        assert time.monotonic() - began < 10
        with pytest.raises(ConnectionError, match="HTTP 410"):
            api.wait_for_change("/apis/x?fieldSelector=y", "7", 600)
        threading.Timer(0.2, over.set).start()
        with pytest.raises(ConnectionError):
            api.wait_for_change("/apis/x?fieldSelector=y", "7", 600)

    assert {s.path for s in server.seen} == {"/apis/x?fieldSelector=y&watch=1&resourceVersion=7&timeoutSeconds=600"}


def with_user(cluster: Cluster, user: dict[str, str]) -> bytes:
    document = yaml.safe_load(cluster.kubeconfigs[names.ADMIN_CONF])
    document["users"][0]["user"] = user
    return yaml.safe_dump(document).encode()


def test_a_token_and_nobody_are_who_they_are(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(200, OBJECT)) as server:
        KubeApi(with_user(cluster, {"token": "abcdef.0123"}), server.url).get(PATH)
        KubeApi(with_user(cluster, {}), server.url).get(PATH)

    with_token, nobody = server.seen
    assert (with_token.headers.get("Authorization"), with_token.certificate) == ("Bearer abcdef.0123", {})
    assert (nobody.headers.get("Authorization"), nobody.certificate) == (None, {})


def test_the_kubelet_is_known_by_the_file_that_it_rotates(cluster: Cluster, tmp_path: Path) -> None:
    host, path = MemoryHost(), names.KUBELET_CLIENT_CURRENT
    user = yaml.safe_load(cluster.kubeconfigs[names.KUBELET_CONF])["users"][0]["user"]
    pem = b"".join(b64decode(user[key]) for key in ("client-certificate-data", "client-key-data"))
    with serving(cluster, tmp_path, says(200, OBJECT)) as server:
        kubeconfig = rotatable_kubelet_conf(cluster.kubeconfigs[names.KUBELET_CONF])
        for place in (path, names.KUBELET_CONF):
            host.mkdir(place.rpartition("/")[0], 0o755)
        host.write(names.KUBELET_CONF, kubeconfig.replace(b"127.0.0.1:6443", server.url[8:].encode()), 0o600)
        with pytest.raises(BootstrapError, match="is not there") as caught:
            administrator(host, names.KUBELET_CONF)
        host.write(path, pem, 0o600)
        administrator(host, names.KUBELET_CONF).get(PATH)

    assert caught.value.code == Exit.CONFIG
    assert [s.user for s in server.seen] == ["system:node:n1"]


@pytest.mark.parametrize(("there", "user"), [(True, "kubernetes-super-admin"), (False, "kubernetes-admin")])
def test_who_took_super_admin_conf_away_is_asked_as_the_administrator(
    cluster: Cluster, tmp_path: Path, there: bool, user: str
) -> None:
    host = MemoryHost()
    host.mkdir(names.KUBERNETES_DIR, 0o755)
    for path in (names.ADMIN_CONF, *((names.SUPER_ADMIN_CONF,) if there else ())):
        host.write(path, cluster.kubeconfigs[path], 0o600)
    with serving(cluster, tmp_path, says(200, OBJECT)) as server:
        port = int(server.url.rpartition(":")[2])
        node = dataclasses.replace(cluster.cfg.node, api=dataclasses.replace(cluster.cfg.api, bind_port=port))
        super_admin(host, dataclasses.replace(cluster.cfg, node=node))().get(PATH)

    assert [s.user for s in server.seen] == [user]


def test_a_server_of_another_ca_is_not_believed(cluster: Cluster, tmp_path: Path) -> None:
    with serving(Cluster.made(), tmp_path, says(200, OBJECT)) as server:
        api = admin(cluster, server.url)
        with pytest.raises(ConnectionError, match="certificate verify failed"):
            api.get(PATH)
    assert server.seen == []


def test_a_server_without_tls_is_told_nothing(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(200, OBJECT), tls=False) as server, pytest.raises(ConnectionError):
        KubeApi(with_user(cluster, {"token": "secret"}), server.url).get(PATH)
    assert server.seen == []


def test_a_kubeconfig_without_a_ca_is_one_clear_error(cluster: Cluster) -> None:
    document = yaml.safe_load(cluster.kubeconfigs[names.ADMIN_CONF])
    del document["clusters"][0]["cluster"]["certificate-authority-data"]

    with pytest.raises(BootstrapError) as caught:
        KubeApi(yaml.safe_dump(document).encode())
    assert "no CA" in caught.value.why


def test_no_server_is_a_connection_error(cluster: Cluster) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="connection refused"):
            admin(cluster, f"https://127.0.0.1:{free.getsockname()[1]}").get(PATH)


@pytest.mark.parametrize("what", [*GONE, *NO_API])
def test_what_is_no_answer_is_a_connection_error(cluster: Cluster, tmp_path: Path, what: str) -> None:
    with serving(cluster, tmp_path, {**GONE, **NO_API}[what]) as server:
        api = admin(cluster, server.url)
        for ask in (lambda: api.get(PATH), lambda: api.create(OBJECT), lambda: api.apply(OBJECT)):
            with pytest.raises(ConnectionError):
                ask()


@pytest.mark.parametrize("what", [*GONE, *NO_API])
def test_a_run_goes_on_when_the_server_is_back(cluster: Cluster, tmp_path: Path, what: str) -> None:
    bad = {**GONE, **NO_API}[what]
    with serving(cluster, tmp_path, bad, bad, says(201, OBJECT)) as server:
        context = running(lambda: admin(cluster, server.url))
        assert apply_effect(Create(OBJECT), context, 20) == "ConfigMap d/x created"
        assert len(server.seen) == 3


def test_a_server_that_never_comes_back_ends_the_run_with_what_was_seen(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, GONE["the middle of a chunk"]) as server:
        context = running(lambda: admin(cluster, server.url))
        with pytest.raises(BootstrapError, match="did not take") as caught:
            apply_effect(Apply(OBJECT), context, 0.5)

    assert caught.value.code == Exit.WAIT
    assert "last seen" in caught.value.why


def test_a_health_check_is_no_object(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(200, b"ok")) as server:
        wait_for(HttpOk("live", "/livez", "admin"), running(lambda: admin(cluster, server.url)), 5, lambda seen: None)


@pytest.mark.parametrize("what", [*GONE, *NO_API])
def test_a_wait_goes_on_too(cluster: Cluster, tmp_path: Path, what: str) -> None:
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}
    node = {"kind": "Node", "metadata": {"name": "n1"}, "status": {"conditions": [ready]}}
    seen: list[str] = []
    with serving(cluster, tmp_path, {**GONE, **NO_API}[what], says(200, node)) as server:
        wait_for(NodeReady("n1"), running(lambda: admin(cluster, server.url)), 10, seen.append)

    assert seen == ["the API server does not answer"]


def test_a_redirect_is_not_followed(cluster: Cluster, tmp_path: Path) -> None:
    away = says(302, {"kind": "Status"}, Location=f"https://127.0.0.1:1{PATH}")
    with serving(cluster, tmp_path, away) as server:
        answer = admin(cluster, server.url).get(PATH)
        assert probe(f"{server.url}/healthz")[0] == 302

    assert (answer.status, answer.found) == (302, None)


@pytest.mark.parametrize(
    ("header", "pause"),
    [({"Retry_After": "1"}, 1.0), ({}, 0.0), ({"Retry_After": "soon"}, 0.0), ({"Retry_After": "99"}, 2.0)],
)
def test_a_server_that_has_too_much_to_do_is_left_alone_for_as_long_as_it_says(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: dict[str, str], pause: float
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(kube_client, "time", SimpleNamespace(sleep=pauses.append))
    busy = says(429, {"kind": "Status", "message": "too many"}, **header)
    with serving(cluster, tmp_path, busy, says(201, OBJECT)) as server:
        assert apply_effect(Create(OBJECT), running(lambda: admin(cluster, server.url)), 20)

    assert pauses == [pause]


@pytest.mark.parametrize("what", GONE)
def test_a_probe_says_why_there_is_no_answer(cluster: Cluster, tmp_path: Path, what: str) -> None:
    with serving(cluster, tmp_path, GONE[what]) as server:
        status, reason = probe(f"{server.url}/healthz")

    assert status == 0
    assert reason
