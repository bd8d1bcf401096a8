"""What the container runtime knows of the containers that a node needs, read with crictl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bootstrap.diagnosis.evidence import Container
from bootstrap.diagnosis.rule import SYSTEM_NAMESPACES
from bootstrap.host.facts.kubelet import static_pod_path
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError
from bootstrap.model.runtime import Runtime

LOG_LINES = 80
"""Enough to hold the message above a Go stack trace, and what stands above a usage text."""
TIMEOUT = 10
_STATES = {"CONTAINER_RUNNING": "running", "CONTAINER_EXITED": "exited", "CONTAINER_CREATED": "created"}


def newest_containers(host: Host, runtime: Runtime, since: float, recent: float | None) -> tuple[Container, ...]:
    """The newest container of each name and Pod, made after `since`; ended ones with exit and log.

    Running ones get the lines of their log after `recent`, none when that is None.

    Raises BootstrapError when the runtime does not answer.
    """
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for listed in _crictl(host, runtime, "ps", "--all").get("containers") or ():
        labels = listed.get("labels") or {}
        if not labels.get("io.kubernetes.pod.namespace", "").startswith(SYSTEM_NAMESPACES):
            continue
        key = (labels["io.kubernetes.pod.name"], listed["metadata"]["name"])
        if key not in newest or int(newest[key]["createdAt"]) < int(listed["createdAt"]):
            newest[key] = listed
    kept = [entry for entry in newest.values() if not _is_stale(host, entry, since)]
    return tuple(_container(host, runtime, entry, recent) for entry in kept)


def _is_stale(host: Host, listed: dict[str, Any], since: float) -> bool:
    """It ended before `since`, or it is of a manifest that was replaced."""
    created = int(listed["createdAt"]) / 1e9
    if listed["state"] != "CONTAINER_EXITED":
        return False
    manifest = host.stat(f"{static_pod_path(host)}/{listed['metadata']['name']}.yaml")
    return created < max(since, manifest.mtime if manifest else 0)


def _container(host: Host, runtime: Runtime, listed: dict[str, Any], recent: float | None) -> Container:
    ended = listed["state"] == "CONTAINER_EXITED"
    status = _status(host, runtime, listed["id"]) if ended or recent is not None else {}
    path = status.get("logPath", "")
    content = (host.read(path) if path else b"") or b""
    once = listed["metadata"]["name"] == names.KEEPALIVED  # whatever lasts it says when it begins, and not again
    return Container(
        component=listed["metadata"]["name"],
        state=_STATES.get(listed["state"], "unknown"),
        attempt=int(listed["metadata"].get("attempt", 0)),
        exit_code=int(status.get("exitCode", 0)),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        log=tuple(_log(content, 0 if ended or once else recent or 0))[-LOG_LINES:],
        pod=listed["labels"]["io.kubernetes.pod.name"],
    )


def _status(host: Host, runtime: Runtime, identifier: str) -> dict[str, Any]:
    try:
        return dict(_crictl(host, runtime, "inspect", identifier).get("status", {}))
    except BootstrapError:  # it is gone meanwhile
        return {}


def _log(content: bytes, since: float) -> Iterator[str]:
    """Lines of a CRI log (`TIME STREAM TAG TEXT`) written after `since`."""
    for line in content.decode(errors="replace").splitlines():
        time, _, rest = line.partition(" ")
        if not since or _epoch(time) >= since:
            yield rest.split(" ", 2)[-1]


def _epoch(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _crictl(host: Host, runtime: Runtime, verb: str, *words: str) -> Any:
    argv = [*runtime.crictl, verb, "--output=json", *words]
    try:
        return json.loads(host.run(argv, timeout=TIMEOUT))
    except ValueError:
        return {}
