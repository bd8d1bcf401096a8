"""A user's changes of the nodes' containerd, as files that it reads after its own configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bootstrap.model.runtime import NODE_RUNTIME

FOLDER = "/etc/containerd/cluster.d"
_WHOLE = "/etc/containerd/cluster.toml"
_DROP_IN = "/etc/systemd/system/containerd.service.d/10-cluster.conf"
_OLD_PLUGIN = "io.containerd.grpc.v1.cri"
"""Before version 3 of the file; containerd translates what says that it is older."""


def containerd_files(patches: Sequence[str]) -> dict[str, bytes]:
    """Path → content for every node; nothing without patches."""
    if not patches:
        return {}
    whole = f'version = 3\nimports = ["{NODE_RUNTIME.config}", "{FOLDER}/*.toml"]\n'
    unit = f"[Service]\nExecStart=\nExecStart=/usr/bin/containerd --config {_WHOLE}\n"
    numbered = {f"{FOLDER}/{number:02}.toml": _versioned(text) for number, text in enumerate(patches)}
    return {_DROP_IN: unit.encode(), _WHOLE: whole.encode(), **numbered}


def _versioned(text: str) -> bytes:
    if re.search(r"^\s*version\s*=", text, re.MULTILINE):
        return text.encode()
    return f"version = {2 if _OLD_PLUGIN in text else 3}\n{text}".encode()
