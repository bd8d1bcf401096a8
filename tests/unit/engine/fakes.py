"""A host and an API in memory, and what a test of the engine builds plans from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bootstrap.engine.world import World
from bootstrap.host.api import object_path
from bootstrap.host.port import ApiResponse, Stat, UnitState


class MemoryHost:
    """Files and units in dictionaries; `log` says what was changed, in order; time moves by one per change."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, int, float]] = {}
        self.directories: dict[str, int] = {"/etc": 0o755}
        self.units: dict[str, UnitState] = {}
        self.outputs: dict[str, str] = {}
        self.log: list[str] = []
        self._now = 0.0
        self._lock = threading.Lock()

    def _tick(self, what: str) -> float:
        with self._lock:
            self._now += 1
            self.log.append(what)
            return self._now

    def read(self, path: str) -> bytes | None:
        return self.files[path][0] if path in self.files else None

    def stat(self, path: str) -> Stat | None:
        if path in self.files:
            _, mode, mtime = self.files[path]
            return Stat(mode, mtime, is_dir=False)
        return Stat(self.directories[path], 0.0, is_dir=True) if path in self.directories else None

    def listdir(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(p.removeprefix(f"{path}/") for p in self.files if p.rpartition("/")[0] == path))

    def unit(self, name: str) -> UnitState:
        return self.units.get(name, UnitState(active=False, enabled=False, started=0))

    def write(self, path: str, content: bytes, mode: int) -> None:
        assert path.rpartition("/")[0] in self.directories, f"no directory for {path}"
        self.files[path] = (content, mode, self._tick(f"write {path}"))

    def mkdir(self, path: str, mode: int) -> None:
        self._tick(f"mkdir {path}")
        self.directories[path] = mode

    def remove(self, path: str) -> None:
        self._tick(f"remove {path}")
        self.files.pop(path, None)

    def run(self, argv: Sequence[str], timeout: float = 60, *, keep_stdin: bool = False) -> str:
        self._tick(" ".join(argv))
        return self.outputs.get(" ".join(argv), "")

    def start_unit(self, name: str, *, enable: bool, restart: bool) -> None:
        now = self._tick(f"{'restart' if restart else 'start'} {name}")
        self.units[name] = UnitState(active=True, enabled=enable, started=now)


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

    def apply(self, body: Mapping[str, Any]) -> ApiResponse:
        if answer := self._interrupted():
            return answer
        there = self.objects.get(object_path(body))
        if there and {**there, "metadata": {**there["metadata"], "resourceVersion": None}} == {
            **body,
            "metadata": {**body["metadata"], "resourceVersion": None},
        }:
            return ApiResponse(200, there)
        return ApiResponse(200, self._stored(body))

    def _stored(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self._version += 1
        stored = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        self.objects[object_path(body)] = stored
        return stored


def refused(url: str) -> tuple[int, str]:
    return 0, "connection refused"


def world(
    host: MemoryHost | None = None,
    api: MemoryApi | None = None,
    probe: Callable[[str], tuple[int, str]] = refused,
) -> World:
    memory = api or MemoryApi()
    return World(host or MemoryHost(), lambda: memory, probe)


def config_map(name: str = "x", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kube-system"},
        "data": data,
    }
