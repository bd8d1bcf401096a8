"""What `init` would make of this machine, with the version of another time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.host.facts.kubelet import static_pod_path
from bootstrap.host.port import HostReader
from bootstrap.model.plan import Plan
from bootstrap.phases.init import init_plan
from bootstrap.phases.inputs import NodeInputs
from bootstrap.render.controlplane.static_pods import manifest_path
from bootstrap.render.health import probe_url
from bootstrap.workflows.credentials import Credentials
from bootstrap.workflows.initial import cluster_inputs, control_plane_inputs
from bootstrap.workflows.observe import Observed


def initial_plan(
    host: HostReader,
    observed: Observed,
    node: NodeInputs,
    issued: Credentials,
    manifests: Mapping[str, str],
    now: datetime,
) -> Plan:
    """What `init` would make of this machine, with another version; no tokens."""
    cluster = cluster_inputs(host, observed, issued, manifests, now)
    return init_plan(node, control_plane_inputs(host, observed, issued), cluster)


def etcd_health(host: HostReader) -> str:
    """The URL of this machine's member; empty where none is here."""
    content = host.read(manifest_path("etcd", static_pod_path(host)))
    try:
        return probe_url(parse_one(content)) if content else ""
    except UnreadableError:
        return ""
