"""What a test of the engine builds plans from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bootstrap.engine.run_context import RunContext
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi

__all__ = ["MemoryApi", "config_map", "context", "refused"]


def refused(url: str) -> tuple[int, str]:
    return 0, "connection refused"


def context(
    host: MemoryHost | None = None,
    api: MemoryApi | None = None,
    probe: Callable[[str], tuple[int, str]] = refused,
) -> RunContext:
    memory = api or MemoryApi()
    return RunContext(host or MemoryHost(), lambda: memory, probe, "init")


def config_map(name: str = "x", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kube-system"},
        "data": data,
    }
