"""Clients of the cluster's API, by who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from bootstrap.formats.kubeconfig import inlined
from bootstrap.host.facts.cluster import read_cluster
from bootstrap.host.fs.given import contents
from bootstrap.host.kube_client import KubeApi
from bootstrap.host.port import Api, HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.cluster_facts import ClusterFacts
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig


def super_admin(host: HostReader, cfg: ClusterConfig) -> Callable[[], KubeApi]:
    """Who may do all from the first moment on; where that was taken away, the administrator, who may by then."""

    def connect() -> KubeApi:
        kubeconfig = host.read(names.SUPER_ADMIN_CONF) or host.read(names.ADMIN_CONF)
        if kubeconfig is None:
            raise BootstrapError(f"{names.ADMIN_CONF} is missing", code=Exit.EFFECT, fix="bootstrap init")
        return KubeApi(kubeconfig, f"https://{cfg.api}")

    return connect


def kubelet(host: HostReader) -> Callable[[], KubeApi]:
    """The node itself, with the credential that its kubelet rotates: it sees its own Node, and little else."""

    def connect() -> KubeApi:
        content = host.read(names.KUBELET_CONF)
        if content is None:
            raise BootstrapError(f"{names.KUBELET_CONF} is missing", code=Exit.EFFECT, fix="bootstrap join")
        return KubeApi(inlined(content, host.read))

    return connect


def own(host: HostReader, cfg: ClusterConfig) -> Callable[[], KubeApi]:
    """Who may do most of what this machine has credentials of."""
    return super_admin(host, cfg) if cfg.node.api else kubelet(host)


def joining(cluster: TrustedCluster) -> KubeApi:
    """Who joins: it may read what the cluster tells its nodes."""
    return KubeApi(bootstrap_kubeconfig(cluster))


def administrator(host: HostReader, kubeconfig: str = "", server: str = "") -> KubeApi:
    """Whoever a kubeconfig of the host names, this node's administrator by default, at the server that it names.

    Another one is the kubelet, for example, whose kubeconfig names a file.

    Raises BootstrapError: exit 8 when there is no cluster here, exit 3 for a file that is no kubeconfig.
    """
    if kubeconfig:
        content: bytes | None = contents(host, kubeconfig, "give the path of a kubeconfig")
    else:
        content = host.read(names.ADMIN_CONF)
    if content is None:
        raise BootstrapError(
            "there is no administrator's kubeconfig here",
            code=Exit.CONFLICT,
            why=f"{names.ADMIN_CONF} does not exist: this is no control plane",
            fix="run this on a control plane, or name a kubeconfig: --kubeconfig FILE",
        )
    try:
        return KubeApi(inlined(content, host.read), server)
    except ValueError as e:
        raise BootstrapError(
            f"{kubeconfig or names.ADMIN_CONF} cannot be used: {e}",
            code=Exit.CONFIG,
            fix="name another kubeconfig: --kubeconfig FILE",
        ) from None


def cluster_facts(host: HostReader, kubeconfig: str = "") -> ClusterFacts | None:
    """None where there is no administrator, or no API server answers."""
    try:
        api = administrator(host, kubeconfig)
        return read_cluster(lambda path: api.get(path).found)
    except (BootstrapError, ConnectionError):
        return None


def api_reader(connect: Callable[[], Api]) -> Callable[[str], Mapping[str, Any] | None]:
    """Looks at objects of a cluster that may not be there, for a dry run: REST path → object or None."""
    connected = cache(connect)

    def get(path: str) -> Mapping[str, Any] | None:
        try:
            return connected().get(path).found
        except (BootstrapError, ConnectionError):
            return None

    return get
