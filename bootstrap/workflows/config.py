"""A complete configuration of this machine, for the commands that do not make a cluster of it."""

from __future__ import annotations

from bootstrap.config import Documents, Overrides, load, read_stored, resolve
from bootstrap.host.facts.gather import gather
from bootstrap.host.live import LiveHost
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.workflows.mode import NODE


def complete(config: bytes | None, host: Host | None = None, mode: str = NODE) -> ClusterConfig:
    """Of `config`, everything else by default; without a host that of the container that this runs in."""
    documents = load(config) if config is not None else Documents()
    return resolve(documents, Overrides(), gather(host or LiveHost(), mode))


def present(host: Host, mode: str) -> ClusterConfig:
    """What `init` was last run with here, else what it would do by default."""
    stored = host.read(names.STATE_CONFIG)
    return complete(None, host, mode) if stored is None else read_stored(stored)
