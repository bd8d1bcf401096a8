"""The field tables of a minor: the generated one, with what differs in other minors laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bootstrap.config.schema import field_table
from bootstrap.model.names import KUBERNETES_MINOR

KINDS = field_table.KINDS


@dataclass(frozen=True)
class Fields:
    """`enums`: name → allowed values; `types`: name → its fields and their type expressions."""

    enums: Mapping[str, tuple[str, ...]]
    types: Mapping[str, Mapping[str, str]]


@cache
def fields_of(minor: str = KUBERNETES_MINOR) -> Fields:
    """Of a minor that the table does not know, what its own minor has."""
    types = dict(field_table.TYPES)
    for name, other in field_table.OTHER_TYPES.get(minor, {}).items():
        laid_over = {**types.get(name, {}), **other}
        types[name] = {field: expression for field, expression in laid_over.items() if expression}
    return Fields(field_table.ENUMS | field_table.OTHER_ENUMS.get(minor, {}), types)
