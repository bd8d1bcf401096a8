"""Rules for mirrors in other programs' spelling: known for what they are, and said in ours. None of them is taken."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from bootstrap.model.images.reference import is_repository

_REST = "logins and authorities have fields of their own (credentials, caFile)"
_K8S_MIRROR_SETS = ("ImageDigestMirrorSet", "ImageTagMirrorSet", "ImageContentSourcePolicy")
Rules = Mapping[str, list[str]]
"""Mirrors' addresses by the registry that they stand for."""


def of_a_file(text: bytes) -> str:
    """What a TOML file says in our words; empty when it is none that is known."""
    try:
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError):
        return ""
    if "host" in document or "server" in document:
        return _said("containerd's hosts.toml", _hosts_toml(document))
    if "registry" in document or "unqualified-search-registries" in document:
        return _said("podman's registries.conf", _registries_conf(document))
    if "plugins" in document:
        return _said("containerd's config.toml", dict(_below(document["plugins"])))
    return ""


def of_a_document(document: Mapping[str, Any]) -> str:
    """The same for what was read as YAML or JSON."""
    if document.get("kind") == "BootstrapConfiguration":
        return "this is a whole BootstrapConfiguration: give it as --config, or here the fields below its mirrors alone"
    if document.get("kind") in _K8S_MIRROR_SETS:
        return _said(f"an {document['kind']}", _mirror_set(document))
    mirrors = document.get("mirrors")
    if isinstance(mirrors, Mapping) and not {"registries", "offline"}.isdisjoint(mirrors):
        return "leave out the line mirrors: itself, and give what is below it"
    if isinstance(mirrors, Mapping) or "configs" in document:
        return _said("k3s' registries.yaml", _k3s(mirrors or {}))
    if document and all(isinstance(value, Mapping) and "endpoint" in value for value in document.values()):
        return _said("a part of k3s' registries.yaml", _k3s(document))
    if "registry-mirrors" in document:
        return _said("Docker's daemon.json", {"docker.io": _texts(document["registry-mirrors"])})
    return ""


def server_advice(value: str) -> str:
    """What to write in place of an address as `server`."""
    fields = endpoint(value)
    if fields is None:
        return f'"{value[:80]}" cannot be said: the registry must answer at /v2/ of the host, without a path before it'
    return "write " + ", ".join(f"{key}: {str(said).lower() if said is True else said}" for key, said in fields.items())


def registry_advice(value: str) -> str:
    """What to write in place of what is no registry's name; empty when nothing is known."""
    if value == "_default" or "*" in value:
        return (
            "no rule holds for several registries: write one for each (registry.k8s.io, docker.io, …); "
            "offline: true forbids all others"
        )
    host = urlsplit(value if "://" in value else f"//{value}").netloc
    return f"write the registry alone: {host}" if host and host != value else ""


def endpoint(address: str) -> dict[str, Any] | None:
    """`https://HOST/v2/PREFIX` in the fields of an endpoint; None for what they cannot say: a path before `/v2`."""
    parts = urlsplit(address if "://" in address else f"https://{address}")
    path = parts.path.strip("/")
    prefix = re.sub(r"^v2(/|$)", "", path)
    if parts.scheme not in ("http", "https") or not parts.netloc or "v2" in prefix.split("/"):
        return None
    if prefix and not is_repository(prefix):
        return None
    found: dict[str, Any] = {"server": parts.netloc}
    if prefix:
        found["prefix"] = prefix
    if parts.scheme == "http":
        found["plainHTTP"] = True
    return found


def _said(what: str, rules: Rules) -> str:
    """In one line that can be pasted: YAML takes JSON."""
    registries = []
    for registry, addresses in rules.items():
        endpoints = [fields for address in addresses if (fields := endpoint(address))]
        registries.append({"registry": registry, "endpoints": endpoints})
    if not registries:
        return f"this is {what}; rules for mirrors look otherwise: see docs/explanation/mirrors.md"
    return f"this is {what}; write instead: registries: {json.dumps(registries)}   ({_REST})"


def _hosts_toml(document: Mapping[str, Any]) -> Rules:
    server, hosts = document.get("server"), document.get("host")
    name = urlsplit(server).netloc if isinstance(server, str) else "REGISTRY"
    return {name: [str(host) for host in hosts] if isinstance(hosts, Mapping) else []}


def _registries_conf(document: Mapping[str, Any]) -> Rules:
    listed = document.get("registry")
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    return {
        str(entry.get("prefix") or entry.get("location")).partition("/")[0]: [
            ("http://" if mirror.get("insecure") else "https://") + str(mirror.get("location"))
            for mirror in entry.get("mirror") or ()
            if isinstance(mirror, Mapping)
        ]
        for entry in entries
    }


def _below(plugins: Any) -> Iterator[tuple[str, list[str]]]:
    """`registry.mirrors."docker.io".endpoint` of any plugin."""
    for plugin in plugins.values() if isinstance(plugins, Mapping) else ():
        registry = plugin.get("registry") if isinstance(plugin, Mapping) else None
        mirrors = registry.get("mirrors") if isinstance(registry, Mapping) else None
        if isinstance(mirrors, Mapping):
            yield from _k3s(mirrors).items()


def _k3s(mirrors: Mapping[str, Any]) -> Rules:
    return {
        str(name): _texts(rule.get("endpoint")) if isinstance(rule, Mapping) else [] for name, rule in mirrors.items()
    }


def _mirror_set(document: Mapping[str, Any]) -> Rules:
    spec = document.get("spec")
    lists = [value for value in spec.values() if isinstance(value, list)] if isinstance(spec, Mapping) else []
    entries = [entry for found in lists for entry in found if isinstance(entry, Mapping)]
    return {str(entry.get("source")).partition("/")[0]: _texts(entry.get("mirrors")) for entry in entries}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
