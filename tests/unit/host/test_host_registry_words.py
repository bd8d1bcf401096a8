"""What registries want and say, read out of their headers and bodies."""

from __future__ import annotations

import email.message
import io

import pytest
import requests
import urllib3

from bootstrap.host.registry.challenges import Challenge, challenges
from bootstrap.host.registry.documents import descriptor, entries, parsed
from bootstrap.host.registry.limits import RegistryError, passing
from bootstrap.host.registry.words import words_of
from bootstrap.model.images.oci import INDEX, MANIFEST, SCHEMA_1, kind_of

BASIC = Challenge("basic", {"realm": "Registry"})
BEARER = Challenge("bearer", {"realm": "https://auth.example/token", "service": "s", "scope": "repository:a/b:pull"})
SCOPED = 'Bearer realm="https://auth.example/token",service="s",scope="repository:a/b:pull"'


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (SCOPED, (BEARER,)),
        (f'Basic realm="Registry", {SCOPED}', (BASIC, BEARER)),
        (f'{SCOPED}, Basic realm="Registry"', (BEARER, BASIC)),
        ("bearer realm=https://auth.example/token, service=s, scope=repository:a/b:pull", (BEARER,)),
        (f"Negotiate, {SCOPED}", (Challenge("negotiate"), BEARER)),
        (f"Negotiate oRQwEqADCgEBoQsG==, {SCOPED}", (Challenge("negotiate"), BEARER)),
        ('BASIC\trealm = "Registry" ,, NTLM', (BASIC, Challenge("ntlm"))),
        (
            'Bearer realm="https://a.example/t?x=1,2",scope="a:pull,push",error="say \\"no\\""',
            (Challenge("bearer", {"realm": "https://a.example/t?x=1,2", "scope": "a:pull,push", "error": 'say "no"'}),),
        ),
        ("", ()),
        ('=";", ;;', ()),
    ],
)
def test_every_challenge_of_a_header_is_read(header: str, found: tuple[Challenge, ...]) -> None:
    assert challenges(header) == found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"errors":[{"code":"UNKNOWN","message":"You have reached your pull rate limit."}]}', "You have reached"),
        (b'{"errors":[{"code":"DENIED"}]}', "DENIED"),
        (b'{"errors":[{"message":"a"},{"message":"b"}]}', "a; b"),
        (b'{"details":"incorrect username or password"}', "incorrect username"),
        (b'{"error":"invalid_grant","error_description":"token ended"}', "token ended"),
        (b"<!DOCTYPE html>\n<html><title>Sign in &amp;\n continue</title>", 'a web page, "Sign in & continue"'),
        (b"\xef\xbb\xbf <HTML><body>no</body>", "a web page"),
        (b"upstream connect error\x1b[31m or disconnect", "upstream connect error [31m or disconnect"),
        (b"<?xml version='1.0'?><Error/>", ""),
        (b'{"errors":"none", "message":7}', ""),
        (b"[" * 100_000, ""),
        (b"", ""),
    ],
)
def test_a_servers_own_words_are_one_line(body: bytes, words: str) -> None:
    found = words_of(body)
    assert found.startswith(words) and "\n" not in found and "\x1b" not in found
    assert bool(found) == bool(words)


def test_a_page_in_place_of_a_manifest_is_named() -> None:
    with pytest.raises(RegistryError, match=r'm\.example: answers with a web page, "Sign in", in place of a registry'):
        parsed("m.example", b"<html><head><title>Sign in</title></head></html>")


@pytest.mark.parametrize("body", [b"[]", b"{", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(RegistryError, match="sent a manifest that is not"):
        parsed("m.example", body)


@pytest.mark.parametrize("size", [-1, True, 1.0, "1", None])
def test_a_size_that_is_none_is_refused(size: object) -> None:
    with pytest.raises(RegistryError, match="a descriptor that is not one"):
        descriptor("m.example", {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": size})


@pytest.mark.parametrize("found", [5, {"a": 1}, "text"])
def test_a_list_that_is_none_is_refused(found: object) -> None:
    with pytest.raises(RegistryError, match="whose layers are no list"):
        entries("m.example", {"layers": found}, "layers")


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"mediaType": INDEX}, INDEX),
        ({"schemaVersion": 2, "manifests": []}, INDEX),
        ({"schemaVersion": 2, "config": {}, "layers": []}, MANIFEST),
        ({"schemaVersion": 1, "fsLayers": []}, f"{SCHEMA_1}+json"),
        ({"mediaType": 7}, ""),
    ],
)
def test_a_manifest_without_a_type_is_known_by_its_fields(document: dict[str, object], kind: str) -> None:
    assert kind_of(document) == kind


@pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), ("\xb2", None), ("soon", None), ("", None)])
def test_a_retry_after_is_a_number_a_date_or_nothing(value: str, seconds: float | None) -> None:
    error = passing("m.example", answer(429, b'{"errors":[{"message":"slow down"}]}', Retry_After=value))

    assert error is not None
    assert error.retry_after == seconds
    assert str(error) == "m.example: answered 429 Too: slow down"


def answer(status: int, body: bytes, **headers: str) -> requests.Response:
    found = requests.Response()
    found.status_code, found.reason = status, "Too"
    found.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    raw = email.message.Message()
    found.raw = urllib3.HTTPResponse(io.BytesIO(body), headers=raw, status=status, preload_content=False)
    return found
