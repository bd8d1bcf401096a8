"""`cluster create`'s flags become a shape: ports and folders are written as `docker run` has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bootstrap.clusters.naming import node_names
from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER, ClusterShape, Mount, NodeShape, PublishedPort
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.names import HIGHEST_PORT

_PORT = re.compile(
    r"(?:(?:(?P<address>\d[\d.]*|\[[0-9a-fA-F:]+\]):)?(?P<host>\d*):)?(?P<port>\d+)(?:/(?P<protocol>tcp|udp|sctp))?"
)
_MOUNT = re.compile(r"(?P<host>/[^:@]*):(?P<container>/[^:@]*)(?::(?P<options>[a-z,]+))?")
_PROPAGATIONS = ("rprivate", "private", "rshared", "shared", "rslave", "slave")


@dataclass(frozen=True)
class Given:
    """What the flags say; None where they say nothing, and a file may."""

    name: str | None = None
    control_planes: int | None = None
    workers: int | None = None
    publish: Sequence[str] = ()
    mounts: Sequence[str] = ()
    network: str | None = None
    api_port: int | None = None
    storage: str | None = None
    load_balancer: str | None = None


def shaped(shape: ClusterShape, given: Given) -> ClusterShape:
    """`shape` (of a file, or the default one) with the flags over it. Raises BootstrapError (exit 2)."""
    shape = replace(shape, name=shape.name if given.name is None else given.name)
    if given.control_planes is not None or given.workers is not None:
        shape = replace(shape, nodes=_counted(shape, given.control_planes, given.workers))
    if given.network is not None:
        shape = replace(shape, network=given.network)
    if given.storage is not None:
        shape = replace(shape, storage=given.storage)
    if given.load_balancer is not None:
        shape = replace(shape, load_balancer=given.load_balancer)
    if given.api_port is not None:
        shape = replace(shape, networking=replace(shape.networking, api_port=given.api_port))
    for text in given.publish:
        shape = _published(shape, text)
    for text in given.mounts:
        shape = _mounted(shape, text)
    return shape


def _counted(shape: ClusterShape, control_planes: int | None, workers: int | None) -> tuple[NodeShape, ...]:
    """The file's nodes of a role as far as they go, and as many more as it takes."""
    nodes: list[NodeShape] = []
    for role, count in ((CONTROL_PLANE, control_planes), (WORKER, workers)):
        written = list(shape.of_role(role))
        more = 0 if count is None else count - len(written)
        nodes += (written if count is None else written[:count]) + [NodeShape(role)] * more
    return tuple(nodes)


def _published(shape: ClusterShape, text: str) -> ClusterShape:
    words, node = _at(text)
    found = _PORT.fullmatch(words)
    numbers = [int(n) for n in (found["host"], found["port"]) if n] if found else [0]
    if not found or not all(0 < number <= HIGHEST_PORT for number in numbers):
        raise _wrong("--publish", text, "8080:30080, 127.0.0.1:8080:30080/tcp, 53:30053/udp@worker2")
    address = (found["address"] or "").strip("[]")
    port = PublishedPort(int(found["port"]), int(found["host"] or 0), address, found["protocol"] or "tcp")
    names = _meant(shape, node or CONTROL_PLANE, "--publish", text)[:1]
    return _changed(shape, names, lambda one: replace(one, ports=(*one.ports, port)))


def _mounted(shape: ClusterShape, text: str) -> ClusterShape:
    words, node = _at(text)
    found = _MOUNT.fullmatch(words)
    options = (found["options"] or "").split(",") if found else ["?"]
    propagation = [word for word in options if word in _PROPAGATIONS]
    if not found or set(options) - {"", "ro", "rw", *_PROPAGATIONS}:
        raise _wrong("--mount", text, "/data:/data, /src:/src:ro, /run/x:/run/x:rslave@worker (paths of the host)")
    mount = Mount(found["host"], found["container"], "ro" in options, "".join(propagation[:1]))
    names = _meant(shape, node, "--mount", text)
    return _changed(shape, names, lambda one: replace(one, mounts=(*one.mounts, mount)))


def _at(text: str) -> tuple[str, str]:
    words, _, node = text.partition("@")
    return words, node


def _meant(shape: ClusterShape, node: str, flag: str, text: str) -> tuple[str, ...]:
    """Names of the nodes: all of them, one by its name or its name without the cluster's."""
    names = node_names(shape.name, shape.nodes)
    meant = tuple(name for name in names if not node or name in (node, f"{shape.name}-{node}"))
    if not meant:
        raise _wrong(flag, text, f"@ and one of {', '.join(name.removeprefix(f'{shape.name}-') for name in names)}")
    return meant


def _changed(shape: ClusterShape, names: Sequence[str], change: Callable[[NodeShape], NodeShape]) -> ClusterShape:
    rows = zip(node_names(shape.name, shape.nodes), shape.nodes, strict=True)
    return replace(shape, nodes=tuple(change(node) if name in names else node for name, node in rows))


def _wrong(flag: str, text: str, example: str) -> BootstrapError:
    return BootstrapError(f"{flag} {text[:80]!r} cannot be read", code=Exit.USAGE, fix=f"as in: {example}")
