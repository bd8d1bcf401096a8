"""The way to a Docker engine, and what it says when it refuses."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.addresses import is_loopback, split_url

NODE_SOCKET = "/docker.sock"
"""Where a node container's engine can be mounted: systemd covers /run, and with it the usual place."""
MOUNTED_SOCKET = "/var/run/docker.sock"
HOST_SOCKET = "/run/docker.sock"
_TIMEOUT = 3600
"""Seconds until an engine must have answered: saving and loading take as long as disks need."""
_POOL = 64
"""Connections that are kept: each container's log is one."""
MOUNTINFO = "/proc/self/mountinfo"


def connect(reach: Callable[[str], str] = str) -> Any:
    """The engine behind a mounted socket, or where DOCKER_HOST leads, or the host's own (`reach`: its way to it).

    Raises BootstrapError (exit 5) without one.
    """
    import docker

    mounted = next((path for path in (NODE_SOCKET, MOUNTED_SOCKET, reach(HOST_SOCKET)) if Path(path).exists()), "")
    more: dict[str, Any] = {"timeout": _TIMEOUT, "max_pool_size": _POOL}
    try:
        if mounted and "DOCKER_HOST" not in os.environ:
            client = docker.DockerClient(base_url=f"unix://{mounted}", **more)
        else:
            client = docker.from_env(**more)
        client.ping()
    except docker.errors.DockerException as e:
        raise BootstrapError(
            "no Docker engine answers",
            code=Exit.EFFECT,
            why=str(e)[:200],
            fix=f"mount its socket: docker run -v /var/run/docker.sock:{NODE_SOCKET} …",
        ) from e
    return client


def remote_host(environment: Mapping[str, str] = os.environ) -> str:
    """The host of an engine that DOCKER_HOST reaches by TCP: what is published is there; empty for one beside us."""
    scheme, host, _ = split_url(environment.get("DOCKER_HOST", ""))
    return host if scheme in ("tcp", "http", "https") and not is_loopback(host) else ""


@contextlib.contextmanager
def asked(what: str) -> Iterator[None]:
    """Around calls of an engine. Raises BootstrapError (exit 5): what was asked, and the engine's own words."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as e:
        raise BootstrapError(
            f"the Docker engine refused {what}",
            code=Exit.EFFECT,
            why=str(e.explanation or e)[:400],
            fix="bootstrap cluster list shows what is there; then run the same command again",
        ) from e
    except (docker.errors.DockerException, requests.RequestException) as e:
        raise BootstrapError(
            f"the Docker engine went away during {what}", code=Exit.EFFECT, why=str(e)[:200], fix="docker version"
        ) from e


def own_image(client: Any) -> str:
    """The id of the image that this very container runs from; outside of the engine's containers the one of that name.

    Raises BootstrapError (exit 9) when the engine has neither.
    """
    import docker

    with contextlib.suppress(docker.errors.NotFound, OSError):
        if found := re.search(r"/containers/([0-9a-f]{64})/", Path(MOUNTINFO).read_text()):
            return str(client.api.inspect_container(found.group(1))["Image"])
    try:
        return str(client.images.get(names.IMAGE).id)
    except docker.errors.ImageNotFound as e:
        raise BootstrapError(
            f"the engine has no image {names.IMAGE} for the nodes",
            code=Exit.IMAGE,
            why="this command runs in another engine's container, or in none",
            fix=f"docker save {names.IMAGE} | docker -H THAT-ENGINE load",
        ) from e
