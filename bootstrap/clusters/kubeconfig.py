"""The kubeconfig of a throwaway cluster, under a name of its own."""

from __future__ import annotations

from bootstrap.clusters.naming import context_name
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.yaml_text import to_yaml


def named(admin: bytes, cluster: str, server: str) -> bytes:
    """The administrator's of a node, for `server`; context, cluster and user are called after the cluster.

    Raises ValueError when it is none.
    """
    current, name = read_kubeconfig(admin), context_name(cluster)
    return to_yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {**current.cluster, "server": server}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
            "users": [{"name": name, "user": current.user}],
        }
    ).encode()
