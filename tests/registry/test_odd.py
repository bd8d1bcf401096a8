"""Registries that are right by the letter and unusual, and what answers in the place of one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.registry.client import RegistryClient
from bootstrap.host.registry.limits import Deadline, Limits, MissingError, RegistryError
from bootstrap.model.images import oci
from bootstrap.model.images.image import Platform
from bootstrap.model.images.mirrors import Server
from tests.registry.faults import Fault, FaultyProxy, says
from tests.registry.samples import Image, digest, make_image, push
from tests.registry.servers import RegistryServer

QUICK = Limits(connect=2, stall=1, total=20, longest_wait=0, attempts=1)
AMD64 = Platform("amd64")
JSON = "application/json"
PAGE = b"<!DOCTYPE html><html><head><title>Sign in to go on</title></head><body>guests only</body></html>"


@pytest.fixture(scope="module")
def image(upstream: RegistryServer) -> Image:
    made = make_image("odd")
    push(upstream, "odd/app", "1", made)
    return made


def client(host: str) -> RegistryClient:
    return RegistryClient(Server(host, plain_http=True), QUICK, Deadline.after(20))


@pytest.mark.parametrize(
    "headers",
    [
        ['Basic realm="x"', 'Bearer realm="{0}",service="odd"'],
        ['Bearer realm="{0}",service="odd"', 'Basic realm="x"'],
        ['Basic realm="x", Bearer realm="{0}",service="odd"'],
        ["Negotiate", "NTLM TlRMTVNTUAAB==, bearer realm={0}, service=odd"],
    ],
)
def test_a_token_is_asked_for_whatever_else_is_offered(proxy: FaultyProxy, image: Image, headers: list[str]) -> None:
    realm = f"http://{proxy.host}/token"
    wanted = [("WWW-Authenticate", text.format(realm)) for text in headers]
    proxy.faults = [
        Fault("GET .*/manifests/1$", says(401, b"{}", JSON, *wanted)),
        Fault("GET /token", says(200, b'{"access_token": "t0ken"}', JSON)),
    ]

    assert client(proxy.host).resolve("odd/app", "1", AMD64).top.digest == image.top
    asked = [line for line, _, _ in proxy.seen if "/token" in line]
    assert asked == ["GET /token?service=odd&scope=repository%3Aodd%2Fapp%3Apull"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PAGE, 'its token server .* answers 200: a web page, "Sign in to go on"'),
        (b'{"details": "no guests"}', "its token server .* answers 403: no guests"),
    ],
)
def test_a_token_server_that_gives_none_is_heard(proxy: FaultyProxy, image: Image, body: bytes, words: str) -> None:
    wanted = ("WWW-Authenticate", f'Bearer realm="http://{proxy.host}/token"')
    code, kind = (200, "text/html") if body is PAGE else (403, JSON)
    proxy.faults = [
        Fault("GET .*/manifests/1$", says(401, b"{}", JSON, wanted), times=2),
        Fault("GET /token", says(code, body, kind)),
    ]
    with pytest.raises(RegistryError, match=rf"it wants credentials \(401\): {words}"):
        client(proxy.host).resolve("odd/app", "1", AMD64)


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (200, PAGE, "text/html; charset=utf-8", 'answers with a web page, "Sign in to go on", in place of a registry'),
        (200, PAGE, JSON, "in place of a registry"),
        (500, b'{"errors":[{"code":"UNKNOWN","message":"pull rate limit"}]}', JSON, "answered 500 .*: pull rate limit"),
        (400, b"no such project", "text/plain", "answered 400 .*: no such project"),
        (403, b'{"errors":[{"code":"DENIED","message":"ask an owner"}]}', JSON, r"credentials \(403\): ask an owner"),
        (404, b'{"errors":[{"message":"never heard of it"}]}', JSON, "does not have .*: never heard of it"),
        (403, PAGE, "text/html", r'credentials \(403\): a web page, "Sign in to go on"'),
        (200, b'{"schemaVersion": 1, "fsLayers": []}', JSON, "in Docker's schema 1, which runtimes no longer read"),
        (200, b"{}", f"{oci.SCHEMA_1}+prettyjws", "in Docker's schema 1"),
        (200, b'{"layers": 5, "config": {}}', oci.MANIFEST, "a descriptor that is not one"),
        (200, b'{"manifests": 5}', oci.INDEX, "whose manifests are no list"),
    ],
)
def test_what_came_instead_of_a_manifest_is_said(
    proxy: FaultyProxy, image: Image, code: int, body: bytes, kind: str, words: str
) -> None:
    proxy.faults = [Fault("GET .*/manifests/1$", says(code, body, kind), times=9)]
    with pytest.raises(RegistryError, match=words):
        client(proxy.host).resolve("odd/app", "1", AMD64)


def test_a_page_in_place_of_a_layer_is_said(proxy: FaultyProxy, image: Image) -> None:
    registry = client(proxy.host)
    layer = registry.resolve("odd/app", "1", AMD64).layers[0]
    proxy.faults = [Fault(".*/blobs/.*", says(200, PAGE, "text/html"), times=9)]
    with (
        pytest.raises(RegistryError, match='answers a layer with a web page, "Sign in'),
        registry.blob("odd/app", layer, lambda count: None) as stream,
    ):
        stream.read()


def test_a_manifest_under_another_type_is_read(proxy: FaultyProxy, image: Image) -> None:
    def plain(handler: Any, answer: Any, body: bytes) -> None:
        bare = json.dumps({key: value for key, value in json.loads(body).items() if key != "mediaType"}).encode()
        says(200, bare, "text/plain; charset=utf-8")(handler, answer, body)

    proxy.faults = [Fault("GET .*/manifests/1$", plain)]
    found = client(proxy.host).resolve("odd/app", "1", AMD64)
    assert found.manifest.digest == image.platforms["amd64"][0]


def test_what_is_no_image_is_said(upstream: RegistryServer, tmp_path: Path) -> None:
    config, chart = b'{"name": "x"}', "application/vnd.example.chart.config.v1+json"
    described = {"mediaType": chart, "digest": digest(config), "size": len(config)}
    body = json.dumps({"schemaVersion": 2, "mediaType": oci.MANIFEST, "config": described, "layers": []}).encode()
    push(
        upstream,
        "odd/chart",
        "1",
        Image(digest(body), {digest(body): (oci.MANIFEST, body)}, {digest(config): config}, {}),
    )

    with pytest.raises(MissingError, match=re.escape(f"odd/chart is no container image, but {chart}")):
        client(upstream.host).resolve("odd/chart", "1", AMD64)
