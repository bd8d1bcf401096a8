"""Kubeconfigs, read as kubectl reads them: what counts is the context that `current-context` names."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.formats.yaml_text import to_yaml


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
        user = _named(document["users"], context["user"])["user"]
    except KeyError as e:
        raise ValueError(f"not a kubeconfig with a current context: {e.args[0]} is missing") from None
    except UnreadableError as e:
        raise ValueError(f"not a kubeconfig: {e}") from None
    except (TypeError, AttributeError, StopIteration):
        raise ValueError("not a kubeconfig with a current context") from None
    if not isinstance(cluster, dict) or not isinstance(user, dict):
        raise ValueError("not a kubeconfig: its cluster or its user is no mapping")
    return Current(document, cluster, user)


def inlined(content: bytes, read: Callable[[str], bytes | None]) -> bytes:
    """With the files that its user and cluster name as data. ValueError as above, and where one is not there."""
    current = read_kubeconfig(content)
    for holder in (current.user, current.cluster):
        for name in ("client-certificate", "client-key", "certificate-authority"):
            path = holder.pop(name, "")
            found = read(path) if path else None
            if path and found is None:
                raise ValueError(f"{path}, which it names, is not there")
            if found is not None:
                holder[f"{name}-data"] = b64encode(found).decode()
    return to_yaml(current.document).encode()


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)
