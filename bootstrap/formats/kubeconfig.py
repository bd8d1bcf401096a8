"""Kubeconfigs, read as kubectl reads them: what counts is the context that `current-context` names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bootstrap.formats.yaml_reader import UnreadableError, parse_one


@dataclass(frozen=True)
class Current:
    """The mappings of the current context, inside `document`: a change of them is one of it."""

    document: dict[str, Any]
    cluster: dict[str, Any]
    user: dict[str, Any]


def read_kubeconfig(content: bytes) -> Current:
    """ValueError when it is not a kubeconfig, or its current context names what it does not hold."""
    try:
        document = parse_one(content)
        context = _named(document["contexts"], document["current-context"])["context"]
        cluster = _named(document["clusters"], context["cluster"])["cluster"]
        return Current(document, cluster, _named(document["users"], context["user"])["user"])
    except (KeyError, TypeError, AttributeError, StopIteration, UnreadableError) as e:
        raise ValueError(f"not a kubeconfig with a current context: {e or type(e).__name__}") from None


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)
