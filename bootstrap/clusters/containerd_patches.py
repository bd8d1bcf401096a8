"""Patches of containerd's configuration as kind's files have them: what they mean in the version that runs here.

kind's nodes read the names of containerd 1; containerd 2 has cut its CRI plugin in two. Mirrors become rules of ours,
since containerd takes none in its configuration where it reads them from files.
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

VERSION = 3
_CRI = "io.containerd.grpc.v1.cri"
_IMAGES, _RUNTIME = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
_OF_IMAGES = ("snapshotter", "disable_snapshot_annotations", "discard_unpacked_layers")
"""Below `containerd` in the old plugin."""


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
    version = document.pop("version", None)
    if version not in (None, 2, VERSION):
        problems.append(Problem(path, f"version {version} of containerd's configuration is not known here"))
        return ContainerdPatch()
    plugins = document.get("plugins", {})
    if _CRI in plugins:
        plugins = _renamed(plugins, path, problems)
    images = plugins.get(_IMAGES, {})
    registry = images.pop("registry", {})
    rules = _rules(registry, f"{path}.registry", problems)
    plugins = {name: plugin for name, plugin in plugins.items() if plugin}
    left = {key: value for key, value in {**document, "plugins": plugins}.items() if value}
    return ContainerdPatch(to_toml({"version": VERSION, **left}) if left else "", tuple(rules))


def _renamed(plugins: Mapping[str, Any], path: str, problems: list[Problem]) -> dict[str, Any]:
    """The two plugins of now, for the old one."""
    old = dict(plugins[_CRI])
    result: dict[str, Any] = {name: dict(plugin) for name, plugin in plugins.items() if name != _CRI}
    images, runtime = result.setdefault(_IMAGES, {}), result.setdefault(_RUNTIME, {})
    if registry := old.pop("registry", None):
        images["registry"] = registry
    for key, value in dict(old.pop("containerd", {})).items():
        if key in _OF_IMAGES:
            images[key] = value
        else:
            runtime.setdefault("containerd", {})[key] = value
    for key in old:
        where = f'plugins."{_CRI}".{key}'
        advice = f'where it is now ("{_IMAGES}" or "{_RUNTIME}"), with version = {VERSION}'
        problems.append(Problem(path, f"{where} is of containerd 1; write it {advice}"))
    return result


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
            problems.append(
                Problem(f'{path}.mirrors."{name}"', "each endpoint must be http(s)://HOST[:PORT][/v2/PREFIX]")
            )
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
