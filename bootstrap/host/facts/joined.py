"""What a cluster says before a machine joins it: its version, what time it is there, and who has this name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bootstrap.host.facts.cluster import cluster_node
from bootstrap.host.port import HostReader
from bootstrap.joining.cluster import Reader
from bootstrap.model.facts import Namesake

MACHINE_ID = "/etc/machine-id"


def joined_facts(host: HostReader, api: Reader, name: str) -> dict[str, Any]:
    """Fields of `Configured`. A token may read the one node that it names."""
    answer, here = api.get("/version"), time.time()
    node = api.get(f"/api/v1/nodes/{name}").found
    return {
        "server_version": str(answer.body.get("gitVersion", "")),
        "behind": answer.date - here if answer.date else 0,
        "namesake": _namesake(node, (host.read(MACHINE_ID) or b"").decode().strip()) if node else None,
    }


def _namesake(body: Mapping[str, Any], machine: str) -> Namesake:
    node, info = cluster_node(body), (body.get("status") or {}).get("nodeInfo") or {}
    return Namesake(node.ready, bool(machine) and info.get("machineID") == machine, node.address)
