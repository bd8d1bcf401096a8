"""A complete configuration of this machine, for the commands that only show."""

from __future__ import annotations

from bootstrap.config import Documents, Overrides, load, resolve
from bootstrap.host.facts import gather
from bootstrap.host.live import LiveHost
from bootstrap.model.cluster import ClusterConfig
from bootstrap.workflows.mode import NODE


def complete(config: bytes | None) -> ClusterConfig:
    documents = load(config) if config is not None else Documents()
    return resolve(documents, Overrides(), gather(LiveHost(), NODE))
