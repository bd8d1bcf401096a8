"""Compares a document with the field tables: unknown fields and wrong types, each with its path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bootstrap.config.schema.fields import Fields
from bootstrap.config.schema.hints import misplaced_field
from bootstrap.formats.durations import parse_duration
from bootstrap.model.errors import Problem
from bootstrap.model.secrets import SECRET_FIELDS, Secret

_RANGES = {
    "int": (-(2**63), 2**63 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
}


def checked(expression: str, value: Any, path: str, problems: list[Problem], tables: Fields) -> Any:
    """`value` without the parts that are unknown or of a wrong type; each of those is added to `problems`.

    None stands for a value that is wrong as a whole.
    """
    if expression.startswith("[]"):
        return _list(expression[2:], value, path, problems, tables)
    if expression.startswith("map[]"):
        return _map(lambda _: expression[5:], value, path, problems, tables)
    if expression in tables.types:
        fields = tables.types[expression]
        known = _map(lambda key: fields.get(key, ""), value, path, problems, tables)
        for key in sorted(set(value) - set(fields)) if isinstance(value, dict) else ():
            problems.append(Problem(f"{path}.{key}", misplaced_field(f"{path}.{key}", list(fields), tables)))
        return known
    wanted = _wrong_scalar(expression, value, tables)
    if wanted:
        problems.append(Problem(path, wanted if _is_secret(path) else f"{wanted}, not {_shown(value)}"))
        return None
    return Secret(value) if _is_secret(path) else value


def _is_secret(path: str) -> bool:
    return path.rpartition(".")[2] in SECRET_FIELDS


def _list(element: str, value: Any, path: str, problems: list[Problem], tables: Fields) -> Any:
    if not isinstance(value, list):
        form = "list of items with name and value" if _was_a_mapping(element, value) else "list"
        instead = _kind(value) if element in tables.types else _shown(value)
        problems.append(Problem(path, f"must be a {form}, not {instead}"))
        return None
    items = [checked(element, item, f"{path}[{i}]", problems, tables) for i, item in enumerate(value)]
    return [item for item in items if item is not None]


def _was_a_mapping(element: str, value: Any) -> bool:
    """Until v1beta3 extraArgs were written `name: value`."""
    return element == "kubeadm.Arg" and isinstance(value, dict)


def _map(expression_of: Callable[[str], str], value: Any, path: str, problems: list[Problem], tables: Fields) -> Any:
    if not isinstance(value, dict):
        problems.append(Problem(path, f"must be a mapping, not {_kind(value)}"))
        return None
    known = {k: (expression_of(k), v) for k, v in value.items() if expression_of(k)}
    items = {k: checked(expression, v, f"{path}.{k}", problems, tables) for k, (expression, v) in known.items()}
    return {k: v for k, v in items.items() if v is not None}


def _wrong_scalar(expression: str, value: Any, tables: Fields) -> str:
    """What the value must be, or empty if it is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if expression == "bool":
        return "" if isinstance(value, bool) else "must be true or false"
    if expression in _RANGES:
        low, high = _RANGES[expression]
        if not number or isinstance(value, float):
            return "must be an integer"
        return "" if low <= value <= high else f"must be from {low} to {high}"
    if expression == "float":
        return "" if number else "must be a number"
    if expression in ("quantity", "duration|number") and number:
        return ""
    if not isinstance(value, str):
        quotes = " (put it in quotes)" if isinstance(value, bool | int | float) else ""
        return f"must be a string{quotes}"
    return _wrong_string(expression, value, tables)


def _wrong_string(expression: str, value: str, tables: Fields) -> str:
    if expression in tables.enums:
        known = tables.enums[expression]
        return "" if value in ("", *known) else f"must be one of {', '.join(known)}"
    if expression.startswith("duration"):
        try:
            parse_duration(value)
        except ValueError:
            return 'must be a duration such as "4m0s" or "24h"'
    if expression == "time":
        try:
            complete = datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            complete = False
        return "" if complete else 'must be a time such as "2030-01-31T12:00:00Z"'
    return ""


def _kind(value: Any) -> str:
    """What a value is, where it may be a secret that belongs one field deeper."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return _kind(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "nothing" if value is None else f'"{str(value)[:80]}"'
