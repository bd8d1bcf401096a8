"""An API in memory, and what a test of the engine builds plans from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.engine.run_context import RunContext
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import ApiResponse
from tests.memory import MemoryHost


class MemoryApi:
    """Objects by path; `before` answers are given first, in order, to whatever is asked."""

    def __init__(self, *before: ApiResponse | Exception) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.before = list(before)
        self._version = 0

    def _interrupted(self) -> ApiResponse | None:
        if not self.before:
            return None
        answer = self.before.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def get(self, path: str) -> ApiResponse:
        found = self.objects.get(path)
        return self._interrupted() or (ApiResponse(200, found) if found else ApiResponse(404, {}))

    def create(self, body: Mapping[str, Any]) -> ApiResponse:
        if answer := self._interrupted():
            return answer
        if object_path(body) in self.objects:
            return ApiResponse(409, {"message": "exists"})
        return ApiResponse(201, self._stored(body))

    def apply(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        if answer := self._interrupted():
            return answer
        there = self.objects.get(path or object_path(body))
        if there and _said(there) == _said(body):
            return ApiResponse(200, there)
        return ApiResponse(200, self._stored(body))

    def _stored(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self._version += 1
        there = self.objects.get(object_path(body), {"metadata": {"uid": f"uid-{self._version}"}})
        given = {"resourceVersion": str(self._version), "uid": there["metadata"]["uid"]}
        stored = {**body, "metadata": {**body["metadata"], **given}}
        self.objects[object_path(body)] = stored
        return stored


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the server gives."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in ("resourceVersion", "uid")}
    return {**body, "metadata": metadata}


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
