"""JoinConfiguration, and what the cluster itself says, become the configuration of a machine that joins."""

from __future__ import annotations

import dataclasses
from typing import Any

from bootstrap.config import other_kinds
from bootstrap.config.complete import joining_node, run_options
from bootstrap.config.loader import Documents
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, ClusterSpec
from bootstrap.model.discovery import Discovery
from bootstrap.model.errors import config_error
from bootstrap.model.facts import HostFacts

KIND = "JoinConfiguration"


def discovery(documents: Documents, facts: HostFacts) -> Discovery:
    """Raises BootstrapError (exit 3) with everything that is wrong with the file and the flags."""
    problems = (*documents.problems, *other_kinds.check(documents, facts))
    if problems:
        raise config_error(tuple(dict.fromkeys(problems)))
    doc: Any = documents.get(KIND).get("discovery", {})
    token = doc.get("bootstrapToken", {})
    return Discovery(
        endpoint=token.get("apiServerEndpoint", ""),
        token=token.get("token", ""),
        pins=() if token.get("unsafeSkipCAVerification") else tuple(token.get("caCertHashes", [])),
        file=doc.get("file", {}).get("kubeConfigPath", ""),
        tls_bootstrap_token=doc.get("tlsBootstrapToken", ""),
        timeout=run_options(documents.get(KIND), []).timeouts.discovery,
    )


def joining(documents: Documents, cluster: ClusterSpec, server: str, facts: HostFacts) -> ClusterConfig:
    """`server` is `host:port` as the cluster says it."""
    doc = documents.get(KIND)
    node = dataclasses.replace(joining_node(doc, cluster.networking, facts), server=server)
    return ClusterConfig(node, cluster, documents.own or BootstrapConfig(), run_options(doc, []))
