"""What `init` or `join` would make of this machine, with the version of another time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bootstrap.host.facts.static_pods import static_pod
from bootstrap.host.port import HostReader
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan
from bootstrap.phases.init import init_plan
from bootstrap.phases.inputs import EtcdJoin, NodeInputs
from bootstrap.phases.join import JoinInputs, join_control_plane_plan, join_plan
from bootstrap.render.health import probe_url
from bootstrap.workflows.credentials import NONE, Credentials, issue_credentials
from bootstrap.workflows.initial import cluster_inputs, control_plane_inputs, node_inputs
from bootstrap.workflows.joining.asking import unheard
from bootstrap.workflows.joining.control_plane import etcd_to_join
from bootstrap.workflows.observe import Observed


@dataclass(frozen=True)
class Made:
    """The plan, and what it was made from."""

    plan: Plan
    node: NodeInputs
    issued: Credentials = NONE


def made(
    host: HostReader, observed: Observed, manifests: Mapping[str, str], now: datetime, *, addons: bool = False
) -> Made:
    """No tokens; `addons` is for one more control plane, the first has them always.

    Raises BootstrapError: exit 3, 8 (a control plane that has not joined completely), 9.
    """
    cfg = observed.cfg
    if cfg.node.api is None:
        path = f"{cfg.cluster.certificates_dir}/ca.crt"
        node, ca = node_inputs(host, observed, NONE, "node"), File(path, host.read(path) or b"", once=True)
        return Made(join_plan(node, JoinInputs(ca, None), manifests), node)
    issued = issue_credentials(host, cfg, now, None, anew=False)
    control_plane = control_plane_inputs(host, observed, issued)
    if not cfg.node.server:
        node = node_inputs(host, observed, issued)
        cluster = cluster_inputs(host, observed, issued, manifests, now)
        return Made(init_plan(node, control_plane, cluster), node, issued)
    node = node_inputs(host, observed, issued, "dns" if addons else "node")
    control_plane = replace(control_plane, joins=_member(host, observed, issued))
    return Made(join_control_plane_plan(node, control_plane, manifests, addons=addons), node, issued)


def _member(host: HostReader, observed: Observed, issued: Credentials) -> EtcdJoin | None:
    """None where etcd is on other machines."""
    if not observed.cfg.local_etcd:
        return None
    if etcd_health(host) and (found := etcd_to_join(host, observed.cfg, issued, unheard)).voted:
        return found
    raise BootstrapError(
        "this machine has no member of the cluster's etcd yet",
        code=Exit.CONFLICT,
        fix="bootstrap join, with the image that began it",
    )


def etcd_health(host: HostReader) -> str:
    """The URL of this machine's member; empty where none is here."""
    pod = static_pod(host, "etcd")
    return probe_url(pod) if pod else ""
