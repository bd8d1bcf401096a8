"""Bootstrap tokens of a cluster: made, listed, deleted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bootstrap.config.rules import check_token
from bootstrap.host.port import Api, ApiResponse
from bootstrap.joining.tokens import SELECTED, secret_path, tokens_of
from bootstrap.model.cluster import BootstrapToken
from bootstrap.model.errors import BootstrapError, Exit, Problem
from bootstrap.render.cluster.objects import token_secret
from bootstrap.workflows.joining.lines import random_token


def wanted(token: BootstrapToken, now: datetime) -> BootstrapToken:
    """`token` as it would be stored, with an id and a secret. Raises BootstrapError (exit 2) for what cannot be one."""
    problems = tuple(check_token(token, ""))
    if token.ttl < 0:
        problems += (Problem("ttl", "a token cannot have ended before it is made"),)
    if problems:
        raise BootstrapError(
            "this cannot be a bootstrap token",
            code=Exit.USAGE,
            details=tuple(str(problem).lstrip(".") for problem in problems),
            fix="bootstrap token create --help",
        )
    made = dataclasses.replace(token, token=token.token or random_token())
    return dataclasses.replace(made, expires=_rfc3339(now + timedelta(seconds=token.ttl)) if token.ttl else "")


def create(api: Api, token: BootstrapToken) -> None:
    """Raises BootstrapError: exit 8 when there is one with that id, exit 7 when the API server refuses."""
    answer = api.create(token_secret(token, datetime.now(UTC)))
    if answer.status == 409:
        identifier = token.token.partition(".")[0]
        raise BootstrapError(
            f"there is a token with the id {identifier} already",
            code=Exit.CONFLICT,
            fix=f"bootstrap token delete {identifier}, or choose another id",
        )
    _checked(answer, "create the token")


def listed(api: Api) -> tuple[BootstrapToken, ...]:
    """Raises BootstrapError (exit 7)."""
    return tokens_of(_checked(api.get(SELECTED), "list tokens").body.get("items", ()))


def delete(api: Api, identifiers: Sequence[str], *, dry_run: bool) -> None:
    """All of them or none, and with `dry_run` none. Raises BootstrapError: exit 8 when one is not there, exit 7."""
    there = {token.token.partition(".")[0] for token in listed(api)}
    if missing := [identifier for identifier in identifiers if identifier not in there]:
        raise BootstrapError(
            f"there is no token {' or '.join(missing)}, and none was deleted",
            code=Exit.CONFLICT,
            fix="bootstrap token list",
        )
    for identifier in () if dry_run else identifiers:
        _checked(api.delete(secret_path(identifier)), f"delete the token {identifier}")


def _checked(answer: ApiResponse, what: str) -> ApiResponse:
    if answer.status in (200, 201):
        return answer
    raise BootstrapError(
        f"the API server did not {what}",
        code=Exit.API,
        details=(str(answer.body.get("message") or answer.text[:300]),),
    )


def _rfc3339(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
