"""The engine that holds throwaway clusters, by what is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bootstrap.host.docker.containers import Containers
from bootstrap.host.docker.engine import connect, own_image
from bootstrap.host.docker.images import DockerImages
from bootstrap.host.docker.networks import Networks


@dataclass(frozen=True)
class ClusterEngine:
    containers: Containers
    networks: Networks
    images: DockerImages


def cluster_engine() -> ClusterEngine:
    """Raises BootstrapError: exit 5 without an engine, 9 when it has no image for nodes."""
    client: Any = connect()
    return ClusterEngine(Containers(client, own_image(client)), Networks(client), DockerImages(client=client))
