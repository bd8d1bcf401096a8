"""The registry client against real registries, and against one that fails on purpose."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import ssl
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.images.layout import Layout
from bootstrap.host.registry.client import RegistryClient
from bootstrap.host.registry.limits import (
    DamagedError,
    Deadline,
    DeadlineError,
    Limits,
    MissingError,
    PassingError,
    RegistryError,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.image import Platform, Resolved
from bootstrap.model.images.mirrors import Credentials, Server
from tests.registry.faults import (
    Fault,
    FaultyProxy,
    cut,
    endless,
    redirect,
    silence,
    stall,
    status,
    trickle,
    wrong_bytes,
)
from tests.registry.samples import Image, make_image, push
from tests.registry.servers import PASSWORD, USER, Authority, RegistryServer, TokenServer

QUICK = Limits(connect=2, stall=1, total=20, longest_wait=3, attempts=3)
AMD64 = Platform("amd64")
SIZE = 3_000_000
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


@pytest.fixture(scope="module")
def image(upstream: RegistryServer) -> Image:
    made = make_image("client", size=SIZE)
    push(upstream, "team/app", "1", made)
    return made


def client(host: str, limits: Limits = QUICK, total: float = 20, **options: Any) -> RegistryClient:
    return RegistryClient(
        Server(host, plain_http=options.pop("plain_http", True), **options), limits, Deadline.after(total)
    )


def fetched(registry: RegistryClient, found: Resolved, folder: Path) -> Layout:
    """Every layer, through the layout that proves it."""
    layout = Layout(folder / "layout")
    for layer in found.layers:
        with registry.blob("team/app", layer, lambda count: None) as stream:
            layout.add(stream, layer.digest)
    return layout


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_an_index_is_resolved_for_the_platform(upstream: RegistryServer, image: Image, architecture: str) -> None:
    found = client(upstream.host).resolve("team/app", "1", Platform(architecture))

    assert found.top.digest == image.top
    assert (found.manifest.digest, found.config.digest) == image.platforms[architecture]
    assert set(found.documents) == {image.top, *image.platforms[architecture]}
    assert client(upstream.host).resolve("team/app", image.top, Platform(architecture)) == found


def test_a_missing_platform_is_named_with_those_that_are_there(upstream: RegistryServer, image: Image) -> None:
    with pytest.raises(MissingError, match="no linux/s390x; there is linux/amd64, linux/arm64"):
        client(upstream.host).resolve("team/app", "1", Platform("s390x"))


def test_a_single_manifest_is_checked_by_its_configuration(upstream: RegistryServer) -> None:
    push(upstream, "team/single", "1", make_image("single", ["arm64"], indexed=False))

    assert client(upstream.host).resolve("team/single", "1", Platform("arm64")).size > 0
    with pytest.raises(MissingError, match="is for linux/arm64, not for linux/amd64"):
        client(upstream.host).resolve("team/single", "1", AMD64)


def test_a_tag_is_asked_for_its_digest(upstream: RegistryServer, image: Image) -> None:
    assert client(upstream.host).digest("team/app", "1") == image.top


@pytest.mark.parametrize("wanted", ["nothing", "sha256:" + "0" * 64])
def test_what_is_not_there_is_said_once(upstream: RegistryServer, image: Image, wanted: str) -> None:
    before = len(upstream.requests)
    with pytest.raises(MissingError, match="does not have team/app"):
        client(upstream.host).resolve("team/app", wanted, AMD64)
    assert len(upstream.requests) == before + 1


def test_layers_arrive_whole_and_every_byte_is_told(upstream: RegistryServer, image: Image, tmp_path: Path) -> None:
    registry = client(upstream.host)
    found = registry.resolve("team/app", "1", AMD64)
    moved: list[int] = []
    with registry.blob("team/app", found.layers[1], moved.append) as stream:
        body = b"".join(iter(stream.read, b""))

    assert hashlib.sha256(body).hexdigest() == found.layers[1].digest.removeprefix("sha256:")
    assert sum(moved) == found.layers[1].size > SIZE


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_honoured(proxy: FaultyProxy, image: Image, code: int) -> None:
    proxy.faults = [Fault("GET .*/manifests/1", status(code, Retry_After="1"), times=2)]
    start = time.monotonic()
    found = client(proxy.host).resolve("team/app", "1", AMD64)
    asked = [moment for line, _, moment in proxy.seen if line.endswith("/manifests/1")]

    assert found.top.digest == image.top
    assert len(asked) == 3
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(asked))
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("retry_after", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_retry_after_beyond_the_limit_ends_the_try_at_once(
    proxy: FaultyProxy, image: Image, retry_after: str
) -> None:
    proxy.faults = [Fault("GET", status(429, Retry_After=retry_after), times=99)]
    start = time.monotonic()
    with pytest.raises(PassingError, match=r"answered 429 .*asks to wait \d+ s"):
        client(proxy.host).resolve("team/app", "1", AMD64)
    assert time.monotonic() - start < 0.9
    assert len(proxy.seen) == 1


def test_an_ailing_registry_is_given_up_after_the_attempts(proxy: FaultyProxy, image: Image) -> None:
    proxy.faults = [Fault("GET", status(503), times=99)]
    with pytest.raises(PassingError, match="answered 503"):
        client(proxy.host).resolve("team/app", "1", AMD64)
    assert len(proxy.seen) == QUICK.attempts


@pytest.mark.parametrize("after", [0, 1, 4096, 1_500_000, SIZE])
def test_a_cut_connection_goes_on_where_it_ended(proxy: FaultyProxy, image: Image, tmp_path: Path, after: int) -> None:
    registry = client(proxy.host)
    found = registry.resolve("team/app", "1", AMD64)
    large = found.layers[1].digest
    proxy.faults = [Fault(f"GET .*/blobs/{large}", cut(after), times=1)]
    layout = fetched(registry, found, tmp_path)
    ranges = [wanted for line, wanted, _ in proxy.seen if large in line]

    assert layout.size(large) == found.layers[1].size
    assert len(ranges) == 2
    assert ranges[0] == ""
    assert ranges[1] == (f"bytes={after}-" if after else "")


def test_a_server_without_ranges_is_read_again_up_to_the_same_place(
    proxy: FaultyProxy, image: Image, tmp_path: Path
) -> None:
    registry = client(proxy.host)
    found = registry.resolve("team/app", "1", AMD64)
    large = found.layers[1].digest
    body = image.blobs[large]

    def whole(handler: Any, answer: Any, part: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    proxy.faults = [Fault(f"GET .*/blobs/{large}", cut(1_000_000)), Fault(f"GET .*/blobs/{large}", whole)]
    layout = fetched(registry, found, tmp_path)

    with layout.open(large) as blob:
        assert blob.read() == body


def test_silence_times_out_and_the_rest_is_fetched(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    registry = client(proxy.host)
    found = registry.resolve("team/app", "1", AMD64)
    proxy.faults = [Fault(f"GET .*/blobs/{found.layers[1].digest}", stall(1_000_000, 10))]
    start = time.monotonic()
    fetched(registry, found, tmp_path)

    assert 1 <= time.monotonic() - start < 4
    assert proxy.seen[-1][1] == "bytes=1000000-"


def test_a_manifest_that_stalls_is_asked_for_again(proxy: FaultyProxy, image: Image) -> None:
    proxy.faults = [Fault("GET .*/manifests/1", stall(10, 10))]
    assert client(proxy.host).resolve("team/app", "1", AMD64).top.digest == image.top


@pytest.mark.parametrize("fault", [cut(100), stall(100, 0)], ids=["reset", "closed"])
def test_a_manifest_that_is_cut_is_asked_for_again(proxy: FaultyProxy, image: Image, fault: Any) -> None:
    proxy.faults = [Fault("GET .*/manifests/1", fault)]
    assert client(proxy.host).resolve("team/app", "1", AMD64).top.digest == image.top


def test_a_layer_that_is_closed_early_goes_on(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    registry = client(proxy.host)
    found = registry.resolve("team/app", "1", AMD64)
    proxy.faults = [Fault(f"GET .*/blobs/{found.layers[1].digest}", stall(1_000_000, 0))]
    fetched(registry, found, tmp_path)

    assert proxy.seen[-1][1] == "bytes=1000000-"


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(PassingError, match=r"registry.example: the HTTP proxy from the environment"):
        client("registry.example").resolve("team/app", "1", AMD64)


def test_bytes_that_trickle_end_at_the_total_deadline(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    found = client(proxy.host).resolve("team/app", "1", AMD64)
    registry = client(proxy.host, total=2)
    proxy.faults = [Fault("GET .*/blobs/", trickle(0.05), times=99)]
    start = time.monotonic()
    with pytest.raises(DeadlineError, match="total deadline"):
        fetched(registry, found, tmp_path)
    assert 1.9 < time.monotonic() - start < 3
    assert list((tmp_path / "layout").rglob("*.*")) == []


def test_silence_ends_at_the_total_deadline_too(proxy: FaultyProxy, image: Image) -> None:
    proxy.faults = [Fault("GET", silence(5), times=99)]
    start = time.monotonic()
    with pytest.raises(DeadlineError, match="total deadline"):
        client(proxy.host, Limits(), total=1).resolve("team/app", "1", AMD64)
    assert 0.9 < time.monotonic() - start < 2


def test_a_registry_that_does_not_answer_is_given_up_after_the_attempts(proxy: FaultyProxy, image: Image) -> None:
    proxy.faults = [Fault("GET", silence(2), times=99)]
    with pytest.raises(PassingError, match=r"silent for 1 s$"):
        client(proxy.host).resolve("team/app", "1", AMD64)
    assert len(proxy.seen) == QUICK.attempts


def test_wrong_bytes_never_land(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    registry = client(proxy.host)
    found = registry.resolve("team/app", "1", AMD64)
    proxy.faults = [Fault("GET .*/blobs/", wrong_bytes)]
    with pytest.raises(BootstrapError) as caught:
        fetched(registry, found, tmp_path)

    assert caught.value.code == Exit.IMAGE
    assert [p for p in (tmp_path / "layout").rglob("*") if p.is_file()] == []


def test_more_bytes_than_promised_are_refused(proxy: FaultyProxy, image: Image, tmp_path: Path) -> None:
    registry = client(proxy.host)
    found = registry.resolve("team/app", "1", AMD64)
    proxy.faults = [Fault(f"GET .*/blobs/{found.layers[0].digest}", endless)]
    with pytest.raises(DamagedError, match="sent more than"):
        fetched(registry, found, tmp_path)
    assert [p for p in (tmp_path / "layout").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("document", ["manifests/sha256", "blobs/"])
def test_a_document_with_another_digest_is_refused(proxy: FaultyProxy, image: Image, document: str) -> None:
    proxy.faults = [Fault(f"GET .*/{document}", wrong_bytes, times=99)]
    with pytest.raises(DamagedError, match=r"127.0.0.1"):
        client(proxy.host).resolve("team/app", "1", AMD64)


def test_a_manifest_without_end_is_refused(proxy: FaultyProxy, image: Image) -> None:
    def flood(handler: Any, answer: Any, body: bytes) -> None:
        endless(handler, answer, body * 50)

    proxy.faults = [Fault("GET .*/manifests/1", flood, times=99)]
    with pytest.raises(RegistryError, match="more than 4194304 bytes"):
        client(proxy.host).resolve("team/app", "1", AMD64)


def test_tls_with_an_own_authority(tls: RegistryServer, authority: Authority) -> None:
    made = make_image("tls")
    push(tls, "team/app", "1", made)

    found = client(tls.host, plain_http=False, ca_file=str(authority.file)).resolve("team/app", "1", AMD64)
    assert found.top.digest == made.top
    with pytest.raises(RegistryError, match="not trusted; caFile"):
        client(tls.host, plain_http=False).resolve("team/app", "1", AMD64)


def test_plain_http_only_when_said(upstream: RegistryServer, image: Image) -> None:
    with pytest.raises(RegistryError, match="does not speak TLS; plainHTTP: true"):
        client(upstream.host, plain_http=False).resolve("team/app", "1", AMD64)


def test_a_redirect_from_tls_to_plain_http_is_refused(
    tls: RegistryServer, upstream: RegistryServer, image: Image, authority: Authority, folder: Path
) -> None:
    faulty = FaultyProxy(tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("redirecting"))
    faulty._http.socket = context.wrap_socket(faulty._http.socket, server_side=True)
    faulty.faults = [Fault("GET", redirect(f"http://{upstream.host}/v2/team/app/manifests/1"))]
    before = len(upstream.requests)
    with pytest.raises(RegistryError, match="redirects from https to plain http"):
        client(faulty.host, plain_http=False, ca_file=str(authority.file)).resolve("team/app", "1", AMD64)
    assert len(upstream.requests) == before
    faulty.stop()


def test_basic_auth_with_a_password_file(basic: RegistryServer, tmp_path: Path) -> None:
    made = make_image("basic")
    push(basic, "team/app", "1", made, BASIC)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    credentials = Credentials(username=USER, password_file=str(tmp_path / "password"))

    assert client(basic.host, credentials=credentials).resolve("team/app", "1", AMD64).top.digest == made.top
    with pytest.raises(RegistryError, match="wants credentials"):
        client(basic.host).resolve("team/app", "1", AMD64)
    (tmp_path / "password").write_text("wrong")
    with pytest.raises(RegistryError, match="the credentials were refused"):
        client(basic.host, credentials=credentials).resolve("team/app", "1", AMD64)


def entry() -> dict[str, str]:
    return {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, known: str) -> None:
    """A docker-credential-tests that knows one registry."""
    program = folder / "docker-credential-tests"
    answer = json.dumps({"ServerURL": known, "Username": USER, "Secret": PASSWORD})
    program.write_text(
        f"#!/bin/sh\nread -r asked\n[ \"$1\" = get ] && [ \"$asked\" = '{known}' ] && echo '{answer}' && exit 0\n"
        "echo 'credentials not found in native keychain'; exit 1\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.parametrize("kind", ["auths", "credHelpers", "credsStore", "both", "helper", "default place"])
def test_logins_of_docker_work(
    basic: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    made = make_image("basic")
    push(basic, "team/app", "1", made, BASIC)
    helper(tmp_path, monkeypatch, basic.host if kind != "both" else "elsewhere.example")
    config = {
        "auths": {"auths": {basic.host: entry()}},
        "credHelpers": {"credHelpers": {basic.host: "tests"}},
        "credsStore": {"credsStore": "tests"},
        "both": {"credsStore": "tests", "auths": {f"https://{basic.host}": entry()}},
        "helper": {},
        "default place": {"auths": {basic.host: entry()}},
    }[kind]
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    credentials: Credentials | None = Credentials(docker_config=str(file))
    if kind == "helper":
        credentials = Credentials(helper="tests")
    if kind == "default place":
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        credentials = None

    assert client(basic.host, credentials=credentials).resolve("team/app", "1", AMD64).top.digest == made.top


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        (Credentials(docker_config="/nowhere/config.json"), "No such file"),
        (Credentials(helper="nowhere"), "not installed"),
        (Credentials(helper="../../bin/sh"), "not the name of a credential helper"),
        (Credentials(username="me", password_file="/nowhere/password"), "No such file"),  # noqa: S106
    ],
)
def test_credentials_that_cannot_be_read_are_an_error_of_the_configuration(
    basic: RegistryServer, credentials: Credentials, why: str
) -> None:
    with pytest.raises(BootstrapError) as caught:
        client(basic.host, credentials=credentials).resolve("team/app", "1", AMD64)

    assert caught.value.code == Exit.CONFIG
    assert why in caught.value.why


def test_a_token_is_fetched_for_the_repository(
    bearer: RegistryServer, token_server: TokenServer, tmp_path: Path
) -> None:
    made = make_image("bearer")
    push(
        bearer,
        "team/app",
        "1",
        made,
        {"Authorization": f"Bearer {token_server.token('repository:team/app:pull,push')}"},
    )
    (tmp_path / "password").write_text(PASSWORD)
    before = len(token_server.asked)
    registry = client(bearer.host, credentials=Credentials(username=USER, password_file=str(tmp_path / "password")))
    found = registry.resolve("team/app", "1", AMD64)
    fetched(registry, found, tmp_path)

    assert found.top.digest == made.top
    assert [asked["scope"] for asked in token_server.asked[before:]] == ["repository:team/app:pull"]
    with pytest.raises(RegistryError, match="wants credentials"):
        client(bearer.host).resolve("team/app", "1", AMD64)


def test_a_host_that_is_not_there_is_said_soon() -> None:
    start = time.monotonic()
    with pytest.raises(PassingError, match=r"127.0.0.1:1: refuses connections"):
        client("127.0.0.1:1").resolve("team/app", "1", AMD64)
    assert time.monotonic() - start < 3
