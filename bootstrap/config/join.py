"""JoinConfiguration, and what the cluster itself says, become the configuration of a machine that joins."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bootstrap.config import other_kinds, overrides
from bootstrap.config.complete import joining_node, lasting, run_options
from bootstrap.config.documents import to_node_configuration
from bootstrap.config.loader import Documents
from bootstrap.config.overrides import Overrides
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, ClusterSpec, NodeSpec
from bootstrap.model.discovery import Discovery
from bootstrap.model.errors import Problem, config_error
from bootstrap.model.facts import HostFacts
from bootstrap.model.flags import JOIN
from bootstrap.render.node.kubelet import overlaid

KIND = "JoinConfiguration"


def with_flags(documents: Documents, flags: Overrides, endpoint: str, *, control_plane: bool) -> Documents:
    """`endpoint` and `control_plane` are the words that no flag of the table has. Raises BootstrapError (exit 3)."""
    merged, _ = overrides.apply(documents, flags, JOIN)
    doc = {**merged.upstream.get(KIND, {})}
    if endpoint:
        found = {**doc.get("discovery", {})}
        found["bootstrapToken"] = {**found.get("bootstrapToken", {}), "apiServerEndpoint": endpoint}
        doc["discovery"] = found
    if "file" in doc.get("discovery", {}) and "token" in flags and "bootstrapToken" in doc["discovery"]:
        discovery = {k: v for k, v in doc["discovery"].items() if k != "bootstrapToken"}
        doc["discovery"] = {"tlsBootstrapToken": flags.get("token"), **discovery}  # as kubeadm: --token is for both
    if control_plane:
        doc.setdefault("controlPlane", {})
    elif "controlPlane" in doc and "controlPlane" not in documents.get(KIND):
        raise config_error((Problem("--control-plane", "is needed for flags of a control plane"),))
    return dataclasses.replace(merged, upstream={**merged.upstream, KIND: doc})


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


def joining(
    documents: Documents,
    cluster: ClusterSpec,
    own: BootstrapConfig,
    server: str,
    facts: HostFacts,
    stored: NodeSpec | None = None,
) -> ClusterConfig:
    """`server` is `host:port` as the cluster says it. What is not written is as `stored`, where that is given."""
    doc = documents.get(KIND)
    if stored is not None:
        doc = _over(to_node_configuration(stored), doc)
    node = dataclasses.replace(joining_node(doc, cluster.networking, lasting(facts, own)), server=server)
    return ClusterConfig(node, cluster, own, run_options(doc, []))


def _over(stored: Mapping[str, Any], doc: Mapping[str, Any]) -> dict[str, Any]:
    """The stored document with what is written now over it; the address is this machine's own each time."""
    merged = overlaid(stored, doc)
    written = doc.get("controlPlane", {}).get("localAPIEndpoint", {})
    if "controlPlane" in merged and "advertiseAddress" not in written:
        merged["controlPlane"]["localAPIEndpoint"].pop("advertiseAddress", None)
    return merged
