"""How rendered documents become bytes: one YAML style, the same bytes for the same value."""

from __future__ import annotations

from typing import Any

import yaml


class _Dumper(yaml.CSafeDumper):
    """Block style, no aliases, multi-line strings as literals."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write `&id001`: readers of our files are people and strict parsers."""
        return True


def _string(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _string)


def to_yaml(document: Any) -> str:
    """`document` as YAML with sorted keys, as Kubernetes' own tools write it."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=True, default_flow_style=False, width=4096)
