"""The engine that holds throwaway clusters, by what is done with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.host.docker.containers import Containers
from bootstrap.host.docker.engine import connect, own_image
from bootstrap.host.docker.images import DockerImages
from bootstrap.host.docker.networks import Networks
from bootstrap.host.docker.successors import Successors
from bootstrap.host.node.pid1 import proxies


@dataclass(frozen=True)
class ClusterEngine:
    containers: Containers
    successors: Successors
    networks: Networks
    images: DockerImages
    proxies: Mapping[str, str]
    """Of this command, for the nodes: an engine's client sets them for whom it starts."""


def cluster_engine() -> ClusterEngine:
    """Raises BootstrapError: exit 5 without an engine, 9 when it has no image for nodes."""
    client: Any = connect()
    image = own_image(client)
    return ClusterEngine(
        Containers(client, image),
        Successors(client, image),
        Networks(client),
        DockerImages(client=client),
        proxies(os.environ),
    )
