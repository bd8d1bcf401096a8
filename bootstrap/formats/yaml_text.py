"""How documents become YAML: one style, the same bytes for the same value; the one dumper of the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from bootstrap.formats.yaml_scalars import needs_quotes
from bootstrap.model.secrets import Secret


class _Dumper(yaml.CSafeDumper):
    """Block style, no aliases, multi-line strings as literals; what would be read as something else gets quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write `&id001`: readers of our files are people and strict parsers."""
        return True


def _string(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if needs_quotes(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


_Dumper.add_representer(str, _string)
_Dumper.add_representer(Secret, _string)


def to_yaml(*documents: Mapping[str, Any]) -> str:
    """Documents as one stream with sorted keys, as Kubernetes' own tools write it."""
    return yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=True, default_flow_style=False, width=4096, allow_unicode=True
    )
