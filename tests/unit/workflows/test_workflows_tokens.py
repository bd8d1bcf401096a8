"""Tokens as somebody asks for them, and as the cluster has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.host.port import ApiResponse
from bootstrap.joining.tokens import SELECTED, tokens_of
from bootstrap.model.cluster import BootstrapToken
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.objects import token_secret
from bootstrap.workflows.tokens import create, delete, listed, wanted
from tests.unit.engine.fakes import MemoryApi

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKEN = BootstrapToken("abcdef.0123456789abcdef", expires="2030-01-01T00:00:00Z", description="for a rack")


def api(*tokens: BootstrapToken) -> MemoryApi:
    memory = MemoryApi()
    for token in tokens:
        memory.create(token_secret(token, NOW))
    memory.objects[SELECTED] = {"items": list(memory.objects.values())}
    return memory


def test_a_token_comes_back_as_it_was_made() -> None:
    memory = MemoryApi()
    create(memory, TOKEN)

    (found,) = tokens_of(memory.objects.values())
    assert (found.token, found.expires, found.description) == (TOKEN.token, TOKEN.expires, TOKEN.description)
    assert set(found.usages) == set(TOKEN.usages) and found.groups == TOKEN.groups


@pytest.mark.parametrize(
    "data", [{}, {"token-id": "?"}, {"token-id": "YQ=="}, {"token-id": "YQ==", "token-secret": "/w=="}]
)
def test_a_secret_that_is_no_token_is_left_out(data: dict[str, Any]) -> None:
    assert tokens_of([{"data": data}, {}]) == ()


def test_a_token_whose_end_cannot_be_read_is_left_out() -> None:
    assert tokens_of([token_secret(BootstrapToken(TOKEN.token, expires="soon"), NOW)]) == ()


def test_a_token_is_made_with_its_end() -> None:
    made = wanted(BootstrapToken(ttl=3600), NOW)

    assert made.expires == "2026-01-02T04:04:05Z"
    assert len(made.token) == len(TOKEN.token)
    assert wanted(BootstrapToken(ttl=0), NOW).expires == ""


@pytest.mark.parametrize(
    "asked",
    [
        BootstrapToken("abcdef"),
        BootstrapToken("ABCDEF.0123456789abcdef"),
        BootstrapToken(usages=("sign",)),
        BootstrapToken(usages=("signing",)),
        BootstrapToken(groups=("system:masters",)),
        BootstrapToken(ttl=-1),
    ],
)
def test_what_cannot_be_a_token_is_refused(asked: BootstrapToken) -> None:
    with pytest.raises(BootstrapError) as found:
        wanted(asked, NOW)
    assert found.value.code == Exit.USAGE and found.value.details
    assert "0123456789abcdef" not in str(found.value.details)


def test_an_id_that_is_there_is_not_taken_again() -> None:
    memory = api(TOKEN)
    with pytest.raises(BootstrapError, match="the id abcdef already") as found:
        create(memory, TOKEN)
    assert found.value.code == Exit.CONFLICT


def test_all_are_deleted_or_none() -> None:
    memory = api(TOKEN)
    with pytest.raises(BootstrapError, match="no token zzzzzz, and none was deleted"):
        delete(memory, ["abcdef", "zzzzzz"], dry_run=False)
    delete(memory, ["abcdef"], dry_run=True)
    assert len(memory.objects) == 2

    delete(memory, ["abcdef"], dry_run=False)
    assert list(memory.objects) == [SELECTED]


def test_a_refusal_is_in_the_servers_words() -> None:
    with pytest.raises(BootstrapError) as found:
        listed(MemoryApi(ApiResponse(403, {"message": "secrets is forbidden"})))
    assert (found.value.code, found.value.details) == (Exit.API, ("secrets is forbidden",))
