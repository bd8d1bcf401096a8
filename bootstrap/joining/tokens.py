"""Bootstrap tokens as the cluster stores them: Secrets of kube-system, and what each is good for."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from datetime import UTC, datetime

from bootstrap.model import names
from bootstrap.model.cluster import BootstrapToken, Document

PATH = "/api/v1/namespaces/kube-system/secrets"
SELECTED = f"{PATH}?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken"
USAGES = ("authentication", "signing")


def secret_path(identifier: str) -> str:
    """REST path of a token's Secret."""
    return f"{PATH}/bootstrap-token-{identifier}"


def tokens_of(secrets: Iterable[Document]) -> tuple[BootstrapToken, ...]:
    """Sorted by id; Secrets that somebody damaged are left out, as the API server ignores them."""
    found = (_token(secret) for secret in secrets)
    return tuple(sorted((token for token in found if token), key=lambda token: token.token))


def ends(token: BootstrapToken) -> datetime | None:
    """None for one that never expires. ValueError for what says no point in time."""
    found = datetime.fromisoformat(token.expires) if token.expires else None
    if found and found.tzinfo is None:
        raise ValueError(f"{token.expires} has no time zone")
    return found


def usable_token(secrets: Iterable[Document], now: datetime) -> str:
    """`id.secret` of the token that nodes can join with for longest; empty when there is none."""
    for_ever = datetime.max.replace(tzinfo=UTC)
    good = [token for token in tokens_of(secrets) if (ends(token) or for_ever) > now and _joins(token)]
    return max(good, key=lambda token: ends(token) or for_ever).token if good else ""


def _joins(token: BootstrapToken) -> bool:
    return set(USAGES) <= set(token.usages) and names.BOOTSTRAP_GROUP in token.groups


def _token(secret: Document) -> BootstrapToken | None:
    try:
        data = {key: b64decode(value, validate=True).decode() for key, value in secret.get("data", {}).items()}
        token = BootstrapToken(
            token=f"{data['token-id']}.{data['token-secret']}",
            ttl=0,
            expires=data.get("expiration", ""),
            usages=tuple(usage for usage in USAGES if data.get(f"usage-bootstrap-{usage}") == "true"),
            groups=tuple(filter(None, data.get("auth-extra-groups", "").split(","))),
            description=data.get("description", ""),
        )
        ends(token)
        return token
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
