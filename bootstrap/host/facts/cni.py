"""The networks that a CNI configuration directory names."""

from __future__ import annotations

import json

from bootstrap.host.port import HostReader
from bootstrap.model.errors import BootstrapError

SUFFIXES = (".conflist", ".conf", ".json")
"""What libcni reads."""


def configured_networks(host: HostReader, directory: str) -> tuple[str, ...]:
    """Names, sorted; what cannot be read names none."""
    found = set()
    for file in host.listdir(directory):
        if not file.endswith(SUFFIXES):
            continue
        try:
            name = json.loads(host.read(f"{directory}/{file}") or b"")["name"]
        except (BootstrapError, ValueError, KeyError, TypeError):
            continue
        if isinstance(name, str) and name and "/" not in name:
            found.add(name)
    return tuple(sorted(found))
