"""What a machine reads before it believes a cluster: no answer makes it say anything secret, or keeps it for long."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bootstrap.config import Documents
from bootstrap.host import discovery as web
from bootstrap.host.discovery import fetch_file
from bootstrap.host.kube_client import KubeApi
from bootstrap.joining.cluster import cluster_of
from bootstrap.joining.cluster_info import signature
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, NodeSpec, RunOptions, Timeouts
from bootstrap.model.discovery import Discovery, TrustedCluster
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.render.cluster.joining import public_key_hash
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig, cluster_info_kubeconfig, with_server
from bootstrap.workflows.credentials import Credentials
from bootstrap.workflows.joining import asking, discovery
from bootstrap.workflows.joining.again import again, as_cluster_says
from bootstrap.workflows.joining.asking import Asking
from bootstrap.workflows.joining.control_plane import CLIENT_URLS, etcd_to_join
from bootstrap.workflows.joining.discovery import discover
from tests.api.server import Answer, Cluster, Handler, Server, cut, hangs_up, says, serving
from tests.memory import MemoryHost

TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - kubeadm's placeholder
SOON = 0.6
"""Seconds that a cluster is waited for here."""
MOST_MEMORY = 8 << 20


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.made()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "PAUSE", 0.05)
    monkeypatch.setattr(asking, "PAUSE", 0.05)
    monkeypatch.setattr(discovery, "UNSIGNED", 0.2)
    monkeypatch.setattr(discovery, "LIVEZ_TIMEOUT", 0.2)


def kubeconfig(cluster: Cluster) -> str:
    return cluster_info_kubeconfig(cluster.cfg, cluster.file("ca.crt")).decode()


def info(text: str, token: str = TOKEN, **more: Any) -> Answer:
    """cluster-info with this kubeconfig, signed."""
    data = {"kubeconfig": text, f"jws-kubeconfig-{token[:6]}": signature(text, token)}
    return says(200, {"kind": "ConfigMap", "metadata": {}, "data": data | more})


def wanted(server: Server, cluster: Cluster, timeout: float = SOON) -> Discovery:
    return Discovery(server.url[8:], TOKEN, (public_key_hash(cluster.file("ca.crt")),), timeout=timeout)


def searched(server: Server, cluster: Cluster, timeout: float = SOON) -> tuple[TrustedCluster | BootstrapError, str]:
    """How the search for the cluster ends, and what was seen last; nobody was told a secret."""
    seen = [""]
    try:
        found: TrustedCluster | BootstrapError = discover(MemoryHost(), wanted(server, cluster, timeout), seen.append)
    except BootstrapError as e:
        found = e
    for request in server.seen:
        assert TOKEN[7:] not in f"{request.path}{request.headers}{request.body!r}"
        assert "Authorization" not in request.headers and request.certificate == {}
    return found, seen[-1]


def trickles(handler: Handler) -> None:
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.05)


def goes_on_announcing(handler: Handler) -> None:
    """Never comes to its answer."""
    while True:
        handler.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


def never_ends(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


def many_headers(handler: Handler) -> None:
    handler.connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)


HOSTILE: dict[str, tuple[Answer, str]] = {
    "a list for data": (says(200, {"data": [1]}), "no cluster-info yet"),
    "a word for data": (says(200, {"data": "x"}), "no cluster-info yet"),
    "numbers in data": (says(200, {"data": {"kubeconfig": 1, "jws-kubeconfig-abcdef": 2}}), "no cluster-info yet"),
    "a long number": (says(200, b'{"data":' + b"1" * 100_000 + b"}"), "no cluster-info yet"),
    "brackets": (says(200, b"[" * 100_000), "no cluster-info yet"),
    "NULs": (says(200, b"\0" * 1000), "no cluster-info yet"),
    "a page": (says(200, b"<html><title>Sign \x1b[31min</title>"), 'a web page, "Sign [31min"'),
    "YAML": (says(200, b"data: {kubeconfig: x}", Content_Type="application/yaml"), "no cluster-info yet"),
    "a redirect": (says(302, b"", Location="http://127.0.0.1:1/x"), "HTTP 302"),
    "nobody": (says(401, {"message": "Unauthorized"}), "HTTP 401: Unauthorized"),
    "busy": (says(429, {"message": "too many requests"}), "HTTP 429: too many requests"),
    "no etcd": (says(500, {"message": "etcdserver: request timed out"}), "HTTP 500: etcdserver: request timed out"),
    "nothing": (hangs_up, "remote end closed connection"),
    "half of it": (cut(b'{"data": {', chunked=True), "connection broken"),
    "a trickle": (trickles, "timed out"),
    "announcements": (goes_on_announcing, "timed out"),
    "no end": (never_ends, "more than 256 KiB"),
    "a packed gigabyte": (says(200, gzip.compress(bytes(1 << 28), 1), Content_Encoding="gzip"), "more than 256 KiB"),
    "headers": (many_headers, "more than 100 headers"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_cluster_info_is_waited_out(cluster: Cluster, tmp_path: Path, what: str) -> None:
    answer, words = HOSTILE[what]
    began = time.monotonic()
    with serving(cluster, tmp_path, answer) as server:
        tracemalloc.start()
        ended, seen = searched(server, cluster)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert isinstance(ended, BootstrapError) and ended.code == Exit.WAIT
    assert words in ended.why and words in seen and "\x1b" not in ended.why
    assert time.monotonic() - began < 5 and most < MOST_MEMORY


def changed(before: str, after: str) -> Callable[[str], str]:
    return lambda text: text.replace(before, after)


UNTRUE: dict[str, tuple[Callable[[str], str], str]] = {
    "two clusters": (
        changed("clusters:", "clusters:\n- {name: b, cluster: {server: 'https://x'}}"),
        "it has 2 clusters",
    ),
    "none": (lambda text: "clusters: []", "it has 0 clusters"),
    "no kubeconfig": (lambda text: "42", "no list of clusters"),
    "aliases": (lambda text: "a: &a [x, x]\nb: &b [*a, *a]\n" + "c: &c [*b, *b, *b]\n" * 9000, "values"),
    "plain HTTP": (changed("https://", "http://"), "is not https"),
    "a file": (changed("https://127.0.0.1:6443", "file:///etc/shadow"), "is not https"),
    "a login": (changed("https://", "https://a:b@"), "not https://HOST:PORT"),
    "a path": (changed(":6443", ":6443/api"), "not https://HOST:PORT"),
    "a port that is none": (changed(":6443", ":99999"), "not https://HOST:PORT"),
    "a line break": (changed("https://127.0.0.1:6443", '"https://127.0.0.1:6443\\r\\nX: y"'), "not https://HOST:PORT"),
    "an open bracket": (changed("127.0.0.1", "[::1"), "not https://HOST:PORT"),
    "no proof": (changed("server:", "insecure-skip-tls-verify: true\n    server:"), "insecure-skip-tls-verify"),
    "a proxy": (changed("server:", "proxy-url: http://x\n    server:"), "proxy-url"),
    "a CA in a file": (changed("certificate-authority-data:", "certificate-authority: /x #"), "is not embedded"),
    "a CA that is none": (
        changed("certificate-authority-data:", "certificate-authority-data: AAAA #"),
        "no certificate",
    ),
}


@pytest.mark.parametrize("what", UNTRUE)
def test_a_signed_cluster_info_is_looked_at_all_the_same(cluster: Cluster, tmp_path: Path, what: str) -> None:
    change, words = UNTRUE[what]
    with serving(cluster, tmp_path, info(change(kubeconfig(cluster)))) as server:
        ended, _ = searched(server, cluster)

    assert isinstance(ended, BootstrapError) and ended.code == Exit.API
    assert words in f"{ended.why}"


def test_a_cluster_proves_itself_before_anything_secret_is_sent(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, info(kubeconfig(cluster))) as server:
        found, seen = searched(server, cluster)

    assert isinstance(found, TrustedCluster) and (found.token, seen) == (TOKEN, "")
    assert len(server.seen) == 2


@pytest.mark.parametrize("pinned", [True, False])
def test_another_ca_is_told_nothing(cluster: Cluster, tmp_path: Path, pinned: bool) -> None:
    """Somebody between repeats what the cluster says, or says what fits to a certificate of its own."""
    between = Cluster.made()
    with serving(between, tmp_path, info(kubeconfig(cluster if pinned else between))) as server:
        ended, _ = searched(server, cluster)

    assert isinstance(ended, BootstrapError) and ended.code == Exit.API
    assert ("does not prove itself" if pinned else "not the pinned one") in ended.what
    assert "nothing secret was sent" in ended.why


def test_a_certificate_for_another_address_is_named(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, info(kubeconfig(cluster))) as server:
        elsewhere = Discovery(server.url[8:].replace("127.0.0.1", "127.0.0.2"), TOKEN, timeout=SOON)
        with socket.create_server(("127.0.0.2", server.server_address[1])) as listener:
            threading.Thread(target=_forward, args=(listener, server.server_address), daemon=True).start()
            with pytest.raises(BootstrapError, match="does not prove itself") as caught:
                discover(MemoryHost(), elsewhere, lambda seen: None)

    assert "not valid for '127.0.0.2'" in caught.value.why


def _forward(listener: socket.socket, address: Any) -> None:
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(address)
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=_pipe, args=(source, target), daemon=True).start()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # one of them hangs up
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


BAD: tuple[Answer, ...] = (
    says(500, {"message": "etcdserver: leader changed"}),
    says(429, {"message": "too many"}, Retry_After="0"),
    says(503, b"<html>no server is available"),
    hangs_up,
    cut(b'{"data": {"kube', chunked=False),
)


def test_a_server_that_fails_in_between_is_asked_again(cluster: Cluster, tmp_path: Path) -> None:
    """Before its first good answer, and between that and its proof."""
    good = info(kubeconfig(cluster))
    mixed = [answer for bad in BAD for answer in (bad, good, bad)]
    with serving(cluster, tmp_path, *mixed, good) as server:
        server.livez = says(200, b"ok")
        found, _ = searched(server, cluster, timeout=20)

    assert isinstance(found, TrustedCluster)


FORBIDDEN = says(403, {"message": 'configmaps "cluster-info" is forbidden'})


@pytest.mark.parametrize("answers", [(trickles,), (FORBIDDEN,), (FORBIDDEN, hangs_up)])
def test_a_cluster_whose_etcd_is_gone_says_so_and_the_way_back(
    cluster: Cluster, tmp_path: Path, answers: tuple[Answer, ...]
) -> None:
    """As an API server without a quorum behaves: silent, then started anew with nothing that it knows, then away."""
    with serving(cluster, tmp_path, *answers) as server:
        server.livez = says(500, b"[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n")
        ended, seen = searched(server, cluster)

    assert isinstance(ended, BootstrapError) and ended.code == Exit.WAIT
    assert "no quorum" in ended.why and "no quorum" in seen
    assert "start the other control planes again" in ended.fix


def test_a_quorum_that_is_back_is_no_reason_any_more(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, FORBIDDEN, info(kubeconfig(cluster), "fedcba.0123456789abcdef")) as server:
        server.livez = says(500, b"[-]etcd failed")
        _, seen = searched(server, cluster, timeout=20)

    assert seen == "cluster-info is not signed with the token abcdef yet"


@pytest.mark.parametrize(
    ("token", "words"),
    [("abcdef.fedcba9876543210", "not made with this token"), ("fedcba.0123456789abcdef", "knows no token abcdef")],
)
def test_a_token_that_the_cluster_does_not_know_is_named(
    cluster: Cluster, tmp_path: Path, token: str, words: str
) -> None:
    with serving(cluster, tmp_path, info(kubeconfig(cluster), token)) as server:
        ended, _ = searched(server, cluster, timeout=20)

    assert isinstance(ended, BootstrapError) and ended.code == Exit.API
    assert words in ended.what


def test_a_cluster_that_has_just_begun_is_given_time_to_sign(cluster: Cluster, tmp_path: Path) -> None:
    text, made = kubeconfig(cluster), (datetime.now(UTC) - timedelta(seconds=3)).isoformat()
    unsigned = says(200, {"metadata": {"creationTimestamp": made}, "data": {"kubeconfig": text}})
    with serving(cluster, tmp_path, *[unsigned] * 10, info(text)) as server:
        found, seen = searched(server, cluster, timeout=20)

    assert isinstance(found, TrustedCluster) and "not signed with the token abcdef yet" in seen


@pytest.fixture
def believed(monkeypatch: pytest.MonkeyPatch, cluster: Cluster, tmp_path: Path) -> None:
    """The server's CA is among those of this machine."""
    (tmp_path / "trusted.crt").write_bytes(cluster.file("ca.crt"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "trusted.crt"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("default login l password secret\n")


@pytest.mark.usefixtures("believed")
def test_a_file_is_fetched_and_who_fetches_it_is_nobody(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(200, b"x: y")) as server:
        assert fetch_file(f"{server.url}/x") == b"x: y"
        assert fetch_file(f"{server.url.replace('//', '//user:word@')}/x") == b"x: y"

    assert [request.headers.get("Authorization", "") for request in server.seen] == ["", "Basic dXNlcjp3b3Jk"]


@pytest.mark.usefixtures("believed")
@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((says(404, b""),), "404"),
        ((says(302, b"", Location="http://127.0.0.1:1/x"),), "from https to something else"),
        ((says(302, b"", Location="file:///etc/shadow"),), "from https to something else"),
        ((says(302, b"", Location="/again"),), "redirects"),
        ((hangs_up,), "closed connection"),
        ((trickles,), "timed out"),
        ((goes_on_announcing,), "timed out"),
        ((never_ends,), "more than 256 KiB"),
    ],
)
def test_what_is_no_file_is_refused_in_time(
    cluster: Cluster, tmp_path: Path, answers: tuple[Answer, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 0.5)
    with serving(cluster, tmp_path, *answers) as server, pytest.raises(BootstrapError) as caught:
        fetch_file(f"{server.url}/x")

    assert caught.value.code == Exit.CONFIG and words in caught.value.why


@pytest.mark.usefixtures("believed")
def test_a_redirect_within_https_is_followed(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(302, b"", Location="/there"), says(200, b"x: y")) as server:
        assert fetch_file(f"{server.url}/x") == b"x: y"


def test_a_web_server_of_an_unknown_ca_is_not_believed(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, says(200, b"x: y")) as server, pytest.raises(BootstrapError) as caught:
        fetch_file(f"{server.url}/x")

    assert "certificate verify failed" in caught.value.why


@pytest.mark.parametrize("url", ["https://", "https:///x", "https://[::1/x", "https://a b/", "https://x:99999/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        fetch_file(url)

    assert caught.value.code == Exit.CONFIG


@pytest.fixture
def asked(cluster: Cluster) -> Iterator[Callable[[Server], Asking]]:
    trusted = TrustedCluster("https://127.0.0.1", cluster.file("ca.crt"), TOKEN)
    yield lambda server: Asking(
        KubeApi(bootstrap_kubeconfig(trusted), server.url), "127.0.0.1", SOON, lambda seen: None
    )


def config_map(key: str, text: str) -> Answer:
    return says(200, {"kind": "ConfigMap", "data": {key: text}})


def test_the_cluster_is_asked_again_for_what_it_is(
    cluster: Cluster, tmp_path: Path, asked: Callable[[Server], Asking]
) -> None:
    said = (config_map("ClusterConfiguration", "kind: ClusterConfiguration\n"), config_map("kubelet", "maxPods: 9\n"))
    with serving(cluster, tmp_path, *BAD, said[0], *BAD, said[1]) as server:
        server.livez = says(200, b"ok")
        assert cluster_of(asked(server)).kubelet == {"maxPods": 9}


@pytest.mark.parametrize("bad", BAD)
def test_one_that_goes_on_failing_ends_it(
    cluster: Cluster, tmp_path: Path, asked: Callable[[Server], Asking], bad: Answer
) -> None:
    with serving(cluster, tmp_path, bad) as server, pytest.raises(BootstrapError, match="did not say what") as caught:
        cluster_of(asked(server))

    assert caught.value.code == Exit.WAIT and "last seen: " in caught.value.why


def etcd_pod(node: str, url: str) -> dict[str, Any]:
    return {"spec": {"nodeName": node}, "metadata": {"name": f"etcd-{node}", "annotations": {CLIENT_URLS: url}}}


def etcd_pods(*pods: dict[str, Any]) -> Answer:
    return says(200, {"kind": "PodList", "items": list(pods)})


def endpoints(cluster: Cluster, server: Server, host: MemoryHost, timeout: float = SOON) -> tuple[str, ...]:
    admin = with_server(cluster.kubeconfigs[names.ADMIN_CONF], server.url)
    issued = Credentials((), (File(names.ADMIN_CONF, admin, 0o600),), (), frozenset(), signing="")
    node = dataclasses.replace(cluster.cfg, run=RunOptions(timeouts=Timeouts(discovery=timeout)))
    return etcd_to_join(host, node, issued, asking.unheard).endpoints


def test_the_others_etcd_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    """Its Pod says where it is, some seconds after the control plane has begun; one of this name is no other."""
    own, other = etcd_pod("n1", "https://192.0.2.1:2379"), etcd_pod("n2", "https://192.0.2.2:2379")
    with serving(cluster, tmp_path, etcd_pods(), *BAD, etcd_pods(own), etcd_pods(own, other)) as server:
        server.livez = says(200, b"ok")
        assert endpoints(cluster, server, MemoryHost(), 20) == ("https://192.0.2.2:2379",)


def test_without_another_etcd_there_is_nothing_to_join(cluster: Cluster, tmp_path: Path) -> None:
    with serving(cluster, tmp_path, etcd_pods()) as server, pytest.raises(BootstrapError) as caught:
        endpoints(cluster, server, MemoryHost())

    assert caught.value.code == Exit.WAIT and CLIENT_URLS in caught.value.why


def test_a_member_that_had_a_vote_goes_on_without_the_others(cluster: Cluster, tmp_path: Path) -> None:
    host = MemoryHost()
    for path in ("/var/lib/etcd/member", names.MANIFESTS_DIR):
        host.mkdir(path, 0o700)
    met = b"spec: {containers: [{command: [etcd, '--initial-cluster=n2=https://192.0.2.2:2380,n1=https://x:2380']}]}"
    host.write(f"{names.MANIFESTS_DIR}/etcd.yaml", met, 0o600)
    host.write(f"{names.MANIFESTS_DIR}/kube-apiserver.yaml", b"", 0o600)
    with serving(cluster, tmp_path, hangs_up) as server:
        assert endpoints(cluster, server, host) == ()


def worker(cluster: Cluster, server: str) -> tuple[MemoryHost, ClusterConfig]:
    """A machine that joined a cluster whose machines shared no address then."""
    host, api = MemoryHost(), cluster.cfg.node.api
    host.mkdir(names.KUBERNETES_DIR, 0o755)
    host.write(names.KUBELET_CONF, with_server(cluster.kubeconfigs[names.KUBELET_CONF], server), 0o600)
    return host, replace(cluster.cfg, node=NodeSpec("worker", server=str(api)))


def test_a_worker_takes_the_address_that_all_share_by_now(cluster: Cluster, tmp_path: Path) -> None:
    kind = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
    said = config_map("ClusterConfiguration", f"{kind}controlPlaneEndpoint: 192.0.2.1:6443\n")
    with serving(cluster, tmp_path, said, config_map("kubelet", "{}")) as server:
        host, stored = worker(cluster, server.url)
        now = as_cluster_says(host, stored)

    assert (stored.endpoint, now.endpoint) == ("127.0.0.1:6443", "192.0.2.1:6443")
    assert again(now, Documents(), HostFacts("node", "worker")).endpoint == "192.0.2.1:6443"
    assert as_cluster_says(host, stored) == stored, "one that does not answer says nothing"
