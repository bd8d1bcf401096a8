"""Walks the fields of the configuration kinds: their paths, a value of each type, and the document that says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.config.schema.fields import KINDS, fields_of
from bootstrap.config.schema.hints import field_paths

TABLES = fields_of()


def version_of(kind: str) -> str:
    return KINDS[kind][0] if kind in KINDS else "bootstrap/v1alpha1"


def expression_of(path: str) -> str:
    """The type of a field, `[]` of the path taken away from it."""
    kind, *words = path.split(".")
    expression = KINDS[kind][1]
    for word in words:
        expression = TABLES.types[expression][word.removesuffix("[]")]
        if word.endswith("[]"):
            expression = expression.removeprefix("map").removeprefix("[]")
    return expression


def leaves(kind: str) -> list[str]:
    """The fields that hold no other fields, lists of them as `a[].b`."""
    paths = list(field_paths(kind, TABLES))
    return [path for path in paths if not any(other.startswith((f"{path}.", f"{path}[].")) for other in paths)]


def sample(expression: str) -> Any:
    """Some value of a type that is no default."""
    if expression.startswith("[]"):
        return [sample(expression[2:])]
    if expression.startswith("map[]"):
        return {"key": sample(expression[5:])}
    if expression in TABLES.enums:
        return TABLES.enums[expression][-1]
    of_scalar: dict[str, Any] = {"bool": True, "float": 0.5, "time": "2030-01-01T00:00:00Z", "quantity": "7Mi"}
    if expression in of_scalar:
        return of_scalar[expression]
    if expression.startswith("duration"):
        return "7m0s"
    return 7 if "int" in expression else "value"


def document(path: str, value: Any) -> dict[str, Any]:
    """The document that says one thing."""
    kind, *words = path.split(".")
    for word in reversed(words):
        value = {word.removesuffix("[]"): [value] if word.endswith("[]") else value}
    return {"apiVersion": version_of(kind), "kind": kind, **value}


def merged(base: Any, more: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(more, Mapping):
        return {**base, **{key: merged(base.get(key), value) for key, value in more.items()}}
    if isinstance(base, list) and isinstance(more, list):
        return [merged(base[0], more[0]), *base[1:]]
    return more


def names(said: str, path: str) -> bool:
    """Whether what is said is about the field, or about a mapping that it is in."""
    words = path.replace("[]", "[0]").split(".")
    return any(".".join(words[:count]) in said for count in range(2, len(words) + 1))
