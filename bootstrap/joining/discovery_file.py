"""A kubeconfig that somebody hands to a machine so that it may join: server, CA and perhaps who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.joining.trust import credentials, only_cluster, server_and_ca
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit


def cluster_of(content: bytes, where: str, token: str) -> TrustedCluster:
    """`token` joins where the file has no user. Raises BootstrapError (exit 3).

    A file of one cluster without contexts is a copy of cluster-info, as kubeadm takes it too.
    """
    try:
        cluster, user = _current(content)
        server, ca = server_and_ca(cluster)
        own = credentials(user)
        if not own and not token:
            raise ValueError("it has no user, so a token is needed: --tls-bootstrap-token")
    except ValueError as e:
        raise BootstrapError(
            f"{where} is nothing to join by",
            code=Exit.CONFIG,
            why=str(e),
            fix="take cluster-info of the cluster: kubectl -n kube-public get configmap cluster-info "
            "-o jsonpath={.data.kubeconfig}",
        ) from None
    return TrustedCluster(server, ca, "" if own else token, own)


def _current(content: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Cluster and user. ValueError in words."""
    try:
        document = parse_one(content)
        if isinstance(document, dict) and not document.get("contexts"):
            return only_cluster(document), {}
        current = read_kubeconfig(content)
    except UnreadableError as e:
        raise ValueError(f"not a kubeconfig: {e.problem}") from None
    return current.cluster, current.user
