"""What `init` would make of this machine, with the version of another time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bootstrap.config import to_cluster_configuration, to_stored
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.host.facts.kubelet import static_pod_path
from bootstrap.host.port import HostReader
from bootstrap.model.plan import Plan
from bootstrap.phases.init import init_plan
from bootstrap.phases.inputs import ClusterInputs, ControlPlaneInputs, NodeInputs
from bootstrap.render.controlplane.own import stored
from bootstrap.render.controlplane.static_pods import manifest_path
from bootstrap.render.health import probe_url
from bootstrap.render.pki.issue import ca_pem
from bootstrap.workflows.addons.read import read_addons
from bootstrap.workflows.credentials import Credentials
from bootstrap.workflows.inputs import kubelet_login_files, read_patches, stale_files, vip_password
from bootstrap.workflows.observe import Observed


def node_inputs(host: HostReader, observed: Observed, issued: Credentials) -> NodeInputs:
    cfg, logins = observed.cfg, kubelet_login_files(host, observed.cfg.own.mirrors)
    return NodeInputs(
        cfg,
        observed.facts,
        state=to_stored(cfg).encode(),
        kubeconfigs=issued.kubeconfigs,
        patches=read_patches(host, cfg.node.patches_directory),
        credential=issued.kubelet,
        logins=logins,
        stale=stale_files(host, cfg, observed.facts.mode, logins),
    )


def initial_plan(
    host: HostReader,
    observed: Observed,
    node: NodeInputs,
    issued: Credentials,
    manifests: Mapping[str, str],
    now: datetime,
) -> Plan:
    """What `init` would make of this machine, with another version; no tokens."""
    cfg = observed.cfg
    cluster = ClusterInputs(
        to_cluster_configuration(stored(cfg, observed.facts)),
        ca_pem(cfg, issued.by_path),
        manifests,
        now,
        addons=read_addons(host, cfg, manifests),
    )
    password = vip_password(host, cfg)
    return init_plan(
        node, ControlPlaneInputs(issued.pki, issued.there, issued.external_ca, vip_password=password), cluster
    )


def etcd_health(host: HostReader) -> str:
    content = host.read(manifest_path("etcd", static_pod_path(host)))
    try:
        return probe_url(parse_one(content)) if content else ""
    except UnreadableError:
        return ""
