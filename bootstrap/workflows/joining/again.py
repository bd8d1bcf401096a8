"""A machine that has joined goes on as what it is, at the address that it has now."""

from __future__ import annotations

import dataclasses

from bootstrap.config import Documents, difference
from bootstrap.config.join import joining
from bootstrap.host.port import HostReader
from bootstrap.joining.cluster import cluster_of, shared_settings
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.versions import is_newer
from bootstrap.workflows import api_access


def as_cluster_says(host: HostReader, stored: ClusterConfig) -> ClusterConfig:
    """A worker's `stored` configuration with the address that all share by now, if the cluster says one."""
    if stored.node.api or host.stat(names.KUBELET_CONF) is None:
        return stored
    try:
        found = cluster_of(api_access.kubelet(host)()).control_plane_endpoint
    except (BootstrapError, ConnectionError, ValueError):
        return stored
    return dataclasses.replace(stored, cluster=dataclasses.replace(stored.cluster, control_plane_endpoint=found))


def again(stored: ClusterConfig, documents: Documents, facts: HostFacts) -> ClusterConfig:
    """A machine that joined, or set out to, goes on as what it was to be; its address alone may be another one.

    Raises BootstrapError (exit 8) when it began a cluster of its own, other settings are given now, or the image is a
    newer one.
    """
    if not stored.node.server:
        raise BootstrapError(
            "this machine began a cluster of its own",
            code=Exit.CONFLICT,
            why=f"init was run here: {names.STATE_CONFIG}",
            fix="bootstrap reset, then join",
        )
    version = stored.cluster.kubernetes_version
    if is_newer(names.BUILT_VERSION, version):
        raise BootstrapError(
            f"this machine has joined with Kubernetes {version}, and this image brings {names.BUILT_VERSION}",
            code=Exit.CONFLICT,
            fix=f"bootstrap upgrade node; or run the image of {version.partition('+')[0]} to go on with that",
        )
    own = documents.own
    own = dataclasses.replace(own, **shared_settings(stored.own)) if own else stored.own
    cfg = joining(documents, stored.cluster, own, stored.node.server, facts, stored.node)
    if lines := difference(stored, _at_address_of(cfg, stored)):
        raise BootstrapError(
            f"this machine has joined {stored.node.server} with other settings",
            code=Exit.CONFLICT,
            why=f"join was run before with what {names.STATE_CONFIG} says",
            fix="run join without flags to go on with those, or: bootstrap reset, then join with the new ones",
            details=tuple(lines),
        )
    return cfg


def _at_address_of(cfg: ClusterConfig, stored: ClusterConfig) -> ClusterConfig:
    if cfg.node.api is None or stored.node.api is None:
        return cfg
    api = dataclasses.replace(cfg.node.api, advertise_address=stored.node.api.advertise_address)
    return dataclasses.replace(cfg, node=dataclasses.replace(cfg.node, api=api))
