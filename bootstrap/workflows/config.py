"""A complete configuration of this machine, for the commands that do not make a cluster of it."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.config import Documents, Overrides, anywhere, defaults_yaml, load, read_stored, resolve
from bootstrap.config.defaults import KINDS_OF, default_cluster
from bootstrap.config.resolve import ANY_HOST
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.host.facts.gather import gather
from bootstrap.host.live import LiveHost
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.render.addons.builtin import proxy_configuration
from bootstrap.render.node.kubelet import cluster_configuration
from bootstrap.workflows.mode import NODE


def complete(
    config: bytes | None, host: Host | None = None, mode: str = NODE, *, addressed: bool = False
) -> ClusterConfig:
    """Of `config`, everything else by default; without a host that of the container that this runs in.

    `addressed`: the API server's address in it is used, so that this machine has to have one.
    """
    documents, facts = load(config) if config is not None else Documents(), gather(host or LiveHost(), mode)
    return resolve(documents, Overrides(), facts if addressed else anywhere(facts))


def present(host: Host, mode: str) -> ClusterConfig:
    """What `init` was last run with here, else what it would do by default."""
    stored = host.read(names.STATE_CONFIG)
    return complete(None, host, mode) if stored is None else read_stored(stored)


def defaults(verb: str, components: Sequence[str] = ()) -> str:
    """What a verb's documents are by default, and those of components: as YAML."""
    cfg = default_cluster()
    of_components = {
        "KubeletConfiguration": lambda: cluster_configuration(cfg),
        "KubeProxyConfiguration": lambda: proxy_configuration(cfg, ANY_HOST),
    }
    text = defaults_yaml(KINDS_OF[verb])
    return "---\n".join([text, *(to_yaml(of_components[kind]()) for kind in components)])
