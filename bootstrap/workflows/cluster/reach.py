"""Where a cluster's API is reached from outside of it."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.host.docker.engine import remote_host
from bootstrap.model.cluster_shape import ClusterShape
from bootstrap.render.addresses import is_loopback, nearby, url_host


def for_engine(shape: ClusterShape) -> ClusterShape:
    """An engine that is reached over a network publishes the API there, under the name by which we reach it."""
    net, host = shape.networking, remote_host()
    if not host or not is_loopback(net.api_address):
        return shape
    return replace(shape, networking=replace(net, api_address="0.0.0.0", api_names=(*net.api_names, host)))


def outside(published: str) -> str:
    """As it stands in a URL: where what is published at an address of the engine's host is reached."""
    return url_host(remote_host() or nearby(published))
