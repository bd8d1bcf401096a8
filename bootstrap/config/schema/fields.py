"""The field tables of the minor that this program installs."""

from __future__ import annotations

from importlib import import_module

from bootstrap.model.names import KUBERNETES_MINOR

_tables = import_module(f"bootstrap.config.schema.fields_v{KUBERNETES_MINOR.replace('.', '_')}")
KINDS: dict[str, tuple[str, str]] = _tables.KINDS
ENUMS: dict[str, tuple[str, ...]] = _tables.ENUMS
TYPES: dict[str, dict[str, str]] = _tables.TYPES
