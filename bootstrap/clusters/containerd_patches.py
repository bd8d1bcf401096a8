"""Patches of containerd's configuration as kind's files have them: mirrors in them become rules of ours.

containerd takes none in its configuration where it reads them from files, and that is where ours come from.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.config.own.other_mirrors import endpoint
from bootstrap.model.errors import Problem
from bootstrap.model.runtime import NODE_RUNTIME

_VERSIONS = (None, 2, 3)
_PLUGINS = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images")
"""What has `registry` in it, in version 2 and in version 3."""


@dataclass(frozen=True)
class ContainerdPatch:
    """`text` is empty where nothing is left of it; `registries` are rules of BootstrapConfiguration.mirrors."""

    text: str = ""
    registries: tuple[dict[str, Any], ...] = ()


def read_patch(text: str, path: str, problems: list[Problem]) -> ContainerdPatch:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        problems.append(Problem(path, f"not TOML: {e}"))
        return ContainerdPatch()
    if (version := document.get("version")) not in _VERSIONS:
        problems.append(Problem(path, f"version {version} of containerd's configuration is not known here"))
        return ContainerdPatch()
    plugins = document.get("plugins", {})
    registries = [plugins[name].pop("registry", {}) for name in _PLUGINS if name in plugins]
    if not any(registries):
        return ContainerdPatch(text)
    rules = [rule for registry in registries for rule in _rules(registry, f"{path}.registry", problems)]
    document["plugins"] = {name: plugin for name, plugin in plugins.items() if plugin}
    is_left = document["plugins"] or set(document) - {"plugins", "version"}
    return ContainerdPatch(to_toml(document) if is_left else "", tuple(rules))


def _rules(registry: Mapping[str, Any], path: str, problems: list[Problem]) -> list[dict[str, Any]]:
    folder = registry.get("config_path", NODE_RUNTIME.registries)
    if folder != NODE_RUNTIME.registries:
        problems.append(Problem(f"{path}.config_path", f"is {NODE_RUNTIME.registries} here, and cannot be another one"))
    for key in sorted(set(registry) - {"config_path", "mirrors"}):
        problems.append(Problem(f"{path}.{key}", "logins and authorities belong into BootstrapConfiguration.mirrors"))
    rules = []
    for name, mirror in dict(registry.get("mirrors", {})).items():
        addresses = mirror.get("endpoint", []) if isinstance(mirror, dict) else []
        found = [fields for address in addresses if (fields := endpoint(str(address))) is not None]
        if len(found) != len(addresses) or not found:
            why = "each endpoint must be http(s)://HOST[:PORT][/v2/PREFIX]"
            problems.append(Problem(f'{path}.mirrors."{name}"', why))
        rules.append({"registry": name, "endpoints": found})
    return rules


def to_toml(document: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Tables with quoted names; the values of a table before the tables in it."""
    values = {key: value for key, value in document.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in document.items() if isinstance(value, dict)}
    lines = [f"{json.dumps(key)} = {_value(value)}" for key, value in values.items()]
    header = [f"[{'.'.join(map(json.dumps, path))}]"] if path and (lines or not tables) else []
    below = [to_toml(value, (*path, key)) for key, value in tables.items()]
    return "\n".join([*header, *lines, *(text.rstrip("\n") for text in below)]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_value(item)}' for key, item in value.items())}}}"
    return json.dumps(value) if isinstance(value, str | bool | int | float) else json.dumps(str(value))
