"""The present state of one thing of a kind that the journal knows, as `model.record.Entry.before` has it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.host.fs.mountinfo import mount_point
from bootstrap.host.port import HostReader
from bootstrap.model.journal_entry import IMAGES, MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT

State = Mapping[str, Any] | None


def before(host: HostReader, kind: str, name: str) -> State:
    """Reads only; None when there is no such thing."""
    return _OBSERVERS[kind](host, name)


def _path(host: HostReader, path: str) -> State:
    if (target := host.readlink(path)) is not None:
        return {"type": "link", "target": target}
    stat = host.stat(path)
    if stat is None:
        return None
    state = {"type": "dir" if stat.is_dir else "file", "mode": stat.mode, "uid": stat.uid, "gid": stat.gid}
    if stat.is_dir:
        return state
    return state | {"content": base64.b64encode(host.read(path) or b"").decode()}


def _tree(host: HostReader, path: str) -> State:
    if host.stat(path) is None:
        return None
    return {"entries": list(host.listdir(path)), "mounted": path in mount_points(host)}


def mount_points(host: HostReader) -> list[str]:
    """Where something is mounted on the host."""
    lines = (host.read("/proc/1/mountinfo") or b"").decode().splitlines()
    return [mount_point(line.split()) for line in lines]


def _unit(host: HostReader, name: str) -> State:
    state = host.unit(name)
    return {"active": state.active, "enabled": state.enabled}


def _sysctl(host: HostReader, key: str) -> State:
    value = host.read("/proc/sys/" + key.replace(".", "/"))
    return None if value is None else {"value": value.decode().strip()}


def _module(host: HostReader, name: str) -> State:
    return {} if host.stat(f"/sys/module/{name}") else None


def _network(host: HostReader, kind: str) -> State:
    found = host.network(kind)
    return None if found is None else {"names": list(found)}


def _images(host: HostReader, socket: str) -> State:
    found = host.images(socket)
    return None if found is None else {"names": sorted(found)}


_OBSERVERS: Mapping[str, Callable[[HostReader, str], State]] = {
    PATH: _path,
    TREE: _tree,
    UNIT: _unit,
    SYSCTL: _sysctl,
    MODULE: _module,
    NETWORK: _network,
    IMAGES: _images,
}
