"""The configuration of a cluster that is here: what one run leaves for the next, without the options of that run.

It is read, not judged: with the fields of its own minor, its version as it stands, whatever this program would say to
a user who wrote it. What cannot be made sense of counts as not written.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from bootstrap.config import complete
from bootstrap.config.documents import (
    to_bootstrap_configuration,
    to_cluster_configuration,
    to_node_configuration,
)
from bootstrap.config.loader import Documents, load_values
from bootstrap.formats import yaml_reader
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, ClusterSpec, Document
from bootstrap.model.errors import BootstrapError, Exit, Problem
from bootstrap.model.facts import HostFacts

_NO_HOST = HostFacts(mode="node", hostname="")
"""Everything is written: no host has to be asked."""
_MINOR = re.compile(r"v?(\d+\.\d+)\.")


def to_stored(config: ClusterConfig) -> str:
    """What `read_stored` makes an equal configuration of, but for the options of the run."""
    return to_yaml(*stored_documents(config))


def stored_documents(config: ClusterConfig) -> list[Document]:
    """Of the cluster and of this machine, those that say something."""
    documents: list[Document] = [
        to_node_configuration(config.node),
        to_cluster_configuration(config),
        to_bootstrap_configuration(config.own),
        config.cluster.kubelet,
        config.cluster.kube_proxy,
    ]
    return [document for document in documents if document]


def read_stored(text: bytes) -> ClusterConfig:
    """What `to_stored` wrote, of any minor. Raises BootstrapError (exit 8) if it is no YAML any more."""
    documents = _documents(text, names.STATE_CONFIG)
    ours = documents.own or BootstrapConfig()
    if b"verifyKubelets" not in text:  # made before a cluster could
        ours = dataclasses.replace(ours, verify_kubelets=False)
    init, join = documents.get("InitConfiguration"), documents.get("JoinConfiguration")
    port = init.get("localAPIEndpoint", {}).get("bindPort") or names.API_PORT
    spec = complete.cluster(documents, ours, port, [], _as_written)
    network = spec.networking
    if join and not init:
        return ClusterConfig(complete.joining_node(join, network, _NO_HOST), spec, ours)
    return ClusterConfig(complete.control_plane_node(init, network, _NO_HOST), spec, ours)


def read_cluster_configuration(text: bytes) -> ClusterSpec:
    """ClusterConfiguration of the ConfigMap kubeadm-config, whoever wrote it. Raises BootstrapError (exit 8)."""
    documents = _documents(text, "kubeadm-config")
    # A cluster without a Pod subnet has none: the default is for those that are to be made.
    spec = complete.cluster(documents, BootstrapConfig(), names.API_PORT, [], _as_written)
    written = documents.get("ClusterConfiguration").get("networking", {}).get("podSubnet", "")
    return dataclasses.replace(spec, networking=dataclasses.replace(spec.networking, pod_subnet=written))


def _documents(text: bytes, what: str) -> Documents:
    try:
        values = yaml_reader.parse(text)
    except yaml_reader.UnreadableError as error:
        raise BootstrapError(
            f"{what} cannot be read",
            code=Exit.CONFLICT,
            why=str(error.problem),
            fix="restore it, or: bootstrap init --config FILE",
        ) from None
    return load_values(values, _minor(values))


def _minor(values: Sequence[Any]) -> str:
    """Of the version that the documents name; this program's when they name none."""
    versions = (str(v.get("kubernetesVersion", "")) for v in values if isinstance(v, dict))
    found = (match[1] for text in versions if (match := _MINOR.match(text)))
    return next(found, names.KUBERNETES_MINOR)


def _as_written(version: str, repository: str, problems: list[Problem]) -> tuple[str, str]:
    return version, repository
