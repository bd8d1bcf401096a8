"""Clients of the cluster's API, by who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from bootstrap.host.kube_client import KubeApi
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit


def super_admin(host: HostReader, cfg: ClusterConfig) -> Callable[[], KubeApi]:
    def connect() -> KubeApi:
        kubeconfig = host.read(names.SUPER_ADMIN_CONF)
        if kubeconfig is None:
            raise BootstrapError(f"{names.SUPER_ADMIN_CONF} is missing", code=Exit.EFFECT)
        return KubeApi(kubeconfig, f"https://{cfg.api}")

    return connect


def api_reader(host: HostReader, cfg: ClusterConfig) -> Callable[[str], Mapping[str, Any] | None]:
    """Looks at objects of a cluster that may not be there, for a dry run: REST path → object or None."""
    connect = cache(super_admin(host, cfg))

    def get(path: str) -> Mapping[str, Any] | None:
        try:
            return connect().get(path).found
        except (BootstrapError, ConnectionError):
            return None

    return get
