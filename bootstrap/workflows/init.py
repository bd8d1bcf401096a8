"""`init`: observe, decide, then preview or act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bootstrap.config import Overrides
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.plan import Plan
from bootstrap.phases.exchange import exchanged
from bootstrap.phases.images import Bundled
from bootstrap.phases.init import init_plan
from bootstrap.phases.select import only
from bootstrap.render.addons.review import review
from bootstrap.workflows.addons.read import read_addons
from bootstrap.workflows.api_access import cluster_facts
from bootstrap.workflows.credentials import issue_credentials
from bootstrap.workflows.encryption import check_alone, contents_of
from bootstrap.workflows.initial import cluster_inputs, control_plane_inputs, node_inputs
from bootstrap.workflows.joining.lines import made_certificate_key, made_token, uploads
from bootstrap.workflows.observe import Observed, observe
from bootstrap.workflows.reconfigure import elsewhere

_TOKENS = "bootstrap-token"
"""The phase that makes tokens whenever it is run."""


@dataclass(frozen=True)
class Request:
    """What the user asked for: `config` is the bytes of --config, None when it was not given."""

    config: bytes | None
    overrides: Overrides
    wait: str = "dns"
    strict: bool = False
    """Preflight's warnings are errors."""
    reconfigure: bool = False
    upload_certs: bool = False
    phase: str | None = None
    """One phase of the plan (`certs/ca`); None for all."""


@dataclass(frozen=True)
class Decision(Observed):
    """`certificate_key` is what certificates are uploaded with; empty when they are not."""

    certificate_key: str = ""


def decide(host: Host, mode: str, request: Request) -> Decision:
    """Raises BootstrapError: exit 3 (configuration), 8 (the cluster here has another configuration)."""
    observed = observe(
        host,
        mode,
        request.config,
        request.overrides,
        strict=request.strict,
        reconfigure=request.reconfigure,
        uploads=request.upload_certs,
        tokens=request.phase == _TOKENS,
    )
    key = (observed.cfg.run.certificate_key or made_certificate_key()) if request.upload_certs else ""
    cfg, changes = observed.cfg, request.reconfigure and observed.resumed
    found = cluster_facts(host) if changes else None
    if changes:
        check_alone(host, cfg, found)
    warnings = (*observed.warnings, *elsewhere(found, cfg.node.name, cfg.cluster.control_plane_endpoint))
    return Decision(**{**vars(observed), "warnings": warnings}, certificate_key=key)


def addon_remarks(host: HostReader, decision: Decision, manifests: Mapping[str, str]) -> tuple[str, ...]:
    """What can be said of the add-ons' manifests. Raises BootstrapError: exit 3, 9 (a URL is refused)."""
    return review(read_addons(host, decision.cfg, manifests), decision.cfg, decision.facts)


def make_plan(
    host: HostReader,
    decision: Decision,
    manifests: Mapping[str, str],
    now: datetime,
    request: Request,
    bundled: Bundled | None = None,
) -> Plan:
    """Certificates and kubeconfigs are issued here, so that the plan holds finished bytes."""
    cfg = decision.cfg
    issued = issue_credentials(host, cfg, now, request.phase, anew=request.reconfigure)
    node = node_inputs(host, decision, issued, request.wait, bundled)
    control_plane = control_plane_inputs(host, decision, issued)
    wants_tokens = request.phase == _TOKENS or not host.stat(names.TOKEN_CREATED)
    tokens = tuple(map(made_token, cfg.run.tokens)) if wants_tokens else ()
    key = decision.certificate_key
    shared = {**issued.by_path, **contents_of(control_plane.encryption)}
    uploaded = uploads(host, cfg, shared, key, now) if key else ()
    cluster = cluster_inputs(host, decision, issued, manifests, now, tokens, uploaded)
    remarks = review(cluster.addons, cfg, decision.facts)
    plan = init_plan(node, control_plane, cluster)
    if request.phase is None:
        if request.reconfigure and decision.resumed:
            plan = exchanged(plan, cfg.node.cri_socket)
        return replace(plan, remarks=(*decision.warnings, *remarks))
    alone = only(plan, request.phase, lambda path: host.stat(path) is not None)
    return replace(alone, remarks=decision.warnings)
