"""Containers and networks of clusters, away again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bootstrap.host.docker.clusters import ClusterEngine


def remove_run(engine: ClusterEngine, run: str) -> None:
    """What one run made, and nothing else."""
    remove_all(engine, engine.containers.of_run(run))
    engine.networks.remove_run(run)


def remove_all(engine: ClusterEngine, names: Sequence[str]) -> None:
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        for future in [pool.submit(engine.containers.remove, name) for name in names]:
            future.result()
