"""`cluster logs`: everything that says what happened, a folder per node; nodes that have ended as far as they can."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE
from bootstrap.model.containers import Found
from bootstrap.model.secrets import hidden_lines

COMMANDS = {
    "journal.log": ("journalctl", "--no-pager", "-o", "short-precise"),
    "containers.txt": ("crictl", "ps", "-a"),
    "images.txt": ("crictl", "images"),
    "diagnosis.json": ("bootstrap", "diagnose", "-o", "json"),
}
OF_THE_CLUSTER = {
    "events.txt": ("get", "events", "-A", "--sort-by=.lastTimestamp"),
    "nodes.yaml": ("get", "nodes", "-o", "yaml"),
    "pods.yaml": ("get", "pods", "-A", "-o", "yaml"),
}
"""kubectl's words; no Secret is among what they show."""
FOLDERS = {"pods": "/var/log/pods", "manifests": names.MANIFESTS_DIR}


def collect(engine: ClusterEngine, found: tuple[Found, ...]) -> Iterator[tuple[str, bytes]]:
    """Path below the folder that is to hold it all → content."""
    asked = False
    for one in found:
        yield f"{one.name}/container.log", engine.containers.said(one.name)
        if not one.is_node:
            continue
        for folder, path in FOLDERS.items():
            for name, content in engine.containers.folder(one.name, path).items():
                yield f"{one.name}/{folder}/{name}", content
        if one.state != "running":
            continue
        for name, argv in COMMANDS.items():
            yield f"{one.name}/{name}", _said(engine, one.name, argv)
        if one.role == CONTROL_PLANE and not asked:
            asked = True
            for name, words in OF_THE_CLUSTER.items():
                yield f"cluster/{name}", _said(engine, one.name, ("kubectl", "--request-timeout=10s", *words))


def _said(engine: ClusterEngine, node: str, argv: tuple[str, ...]) -> bytes:
    ran = engine.containers.run(node, argv)
    return hidden_lines((ran.out + ran.err).decode(errors="replace")).encode()
