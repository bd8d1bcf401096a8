"""`cluster stop` and `start`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.model.containers import Found
from bootstrap.workflows.cluster.watch import Listener, watch


def stop(engine: ClusterEngine, found: Sequence[Found]) -> list[str]:
    """Those that ran."""
    running = [one.name for one in found if one.state == "running"]
    with ThreadPoolExecutor(max(1, len(running))) as pool:
        list(pool.map(engine.containers.stop, running))
    return running


def start(engine: ClusterEngine, found: Sequence[Found], timeout: float, listen: Listener) -> dict[str, float]:
    """Node → seconds until it was well again, of those that did not run. Raises BootstrapError as `watch` does."""
    began, now = time.monotonic(), time.time()
    resting = [one for one in found if one.state != "running"]
    with ThreadPoolExecutor(max(1, len(resting))) as pool:
        list(pool.map(lambda one: engine.containers.start(one.name), resting))
    nodes = [one.name for one in resting if one.is_node]
    return watch(engine.containers, nodes, timeout, listen, began=began, since=now)
