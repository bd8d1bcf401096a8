"""All containers of a cluster, decided before the first one is made: names, addresses, what each is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.clusters import balancer
from bootstrap.clusters.containerd import containerd_files
from bootstrap.clusters.documents import Endpoint, init_documents, join_documents
from bootstrap.clusters.naming import node_names
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE, ClusterShape, NodeShape, PublishedPort
from bootstrap.model.containers import LOAD_BALANCER, SHARES, Container

GIVEN = "/etc/bootstrap/config.yaml"
"""The documents of a node: where PID 1 keeps those that it is given."""
WAITING = SHARES // 4
"""Of those who wait for the first control plane, and would take its time by looking whether it is up."""


@dataclass(frozen=True)
class Secrets:
    """Made before there is a cluster: `shared` (path → content) is what all control planes have."""

    token: str
    shared: Mapping[str, bytes]
    pins: tuple[str, ...]
    ca: bytes


@dataclass(frozen=True)
class Layout:
    """Which node has which name and address; `balancer` is empty with one control plane.

    `addresses6`: address → the IPv6 one beside it, where there are such. `services`: ranges for LoadBalancer Services.
    """

    nodes: tuple[tuple[NodeShape, str, str], ...]
    balancer: str = ""
    addresses6: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()

    @property
    def control_planes(self) -> dict[str, str]:
        return {name: address for node, name, address in self.nodes if node.role == CONTROL_PLANE}


def addresses_needed(shape: ClusterShape) -> int:
    return len(shape.nodes) + (len(shape.of_role(CONTROL_PLANE)) > 1)


def laid_out(shape: ClusterShape, addresses: Sequence[str]) -> Layout:
    """The API's load balancer has the first address, if there is one."""
    balanced = len(addresses) > len(shape.nodes)
    own = addresses[1:] if balanced else addresses
    rows = tuple(zip(shape.nodes, node_names(shape.name, shape.nodes), own, strict=True))
    return Layout(rows, addresses[0] if balanced else "")


def endpoint_of(shape: ClusterShape, layout: Layout) -> Endpoint:
    first = next(iter(layout.control_planes.items()))
    name, address = (f"{shape.name}-{LOAD_BALANCER}", layout.balancer) if layout.balancer else first
    published = shape.networking.api_address
    known = () if published in names.ANY_ADDRESS else (published,)
    return Endpoint(address, bool(layout.balancer), (name, *known, *shape.networking.api_names))


def first_documents(shape: ClusterShape, layout: Layout, token: str) -> list[dict[str, Any]]:
    """What the cluster begins with."""
    node, name, address = next(row for row in layout.nodes if row[0].role == CONTROL_PLANE)
    return init_documents(shape, node, name, address, endpoint_of(shape, layout), token, layout.services)


def containers(shape: ClusterShape, layout: Layout, made: Secrets, port: int, wait: str) -> tuple[Container, ...]:
    """The one that publishes the API is the first. Raises BootstrapError (exit 3): a patch that does not fit."""
    net, begun = shape.networking, False
    endpoint = endpoint_of(shape, layout)
    api = PublishedPort(names.API_PORT, port, net.api_address)
    found = []
    for node, name, address in layout.nodes:
        first = node.role == CONTROL_PLANE and not begun
        begun = begun or first
        documents = (
            first_documents(shape, layout, made.token)
            if first
            else join_documents(shape, node, name, address, endpoint, made.token, made.pins)
        )
        words = ("init", "--wait", wait) if first else ("join", "--wait", "api" if wait == "api" else "node")
        files = containerd_files(shape.containerd_patches)
        container = node_container(node, name, address, words, documents, made, files)
        container = dataclasses.replace(
            container,
            dns_search=net.dns_search,
            address6=layout.addresses6.get(address, ""),
            shares=SHARES if first else WAITING,
        )
        if first and not layout.balancer:
            container = dataclasses.replace(container, ports=(api, *container.ports))
        found.append(container)
    if layout.balancer:
        found.append(balancer_container(shape.name, layout, made.ca, api))
    return tuple(sorted(found, key=lambda container: api not in container.ports))


def node_container(
    node: NodeShape,
    name: str,
    address: str,
    words: tuple[str, ...],
    documents: Sequence[Mapping[str, Any]],
    made: Secrets,
    files: Mapping[str, bytes],
) -> Container:
    shared = made.shared if node.role == CONTROL_PLANE else {}
    return Container(
        name=name,
        role=node.role,
        command=(words[0], "--config", GIVEN, *words[1:], "--exit-on-failure"),
        address=address,
        files={GIVEN: to_yaml(*documents).encode(), **shared, **files},
        ports=node.ports,
        mounts=node.mounts,
    )


def telling(container: Container) -> Container:
    """With its events among the lines of its log."""
    return dataclasses.replace(container, command=(*container.command, "--events", "/dev/stdout"))


def balancer_container(cluster: str, layout: Layout, ca: bytes, api: PublishedPort) -> Container:
    return Container(
        name=f"{cluster}-{LOAD_BALANCER}",
        role=LOAD_BALANCER,
        command=(),
        address=layout.balancer,
        files={balancer.CONFIGURATION: balancer.configuration(layout.control_planes), balancer.CA: ca},
        entrypoint=balancer.COMMAND,
        stop_signal=balancer.STOP_SIGNAL,
        ports=(api,),
    )
