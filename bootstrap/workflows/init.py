"""`init`: observe, decide, then preview or act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bootstrap.config import Overrides, to_cluster_configuration, to_stored
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.plan import Plan
from bootstrap.phases.exchange import exchanged
from bootstrap.phases.images import Bundled
from bootstrap.phases.init import init_plan
from bootstrap.phases.inputs import ClusterInputs, ControlPlaneInputs, NodeInputs
from bootstrap.phases.select import only
from bootstrap.render.addons.review import review
from bootstrap.render.controlplane.own import stored
from bootstrap.render.pki.issue import ca_pem
from bootstrap.workflows.addons.read import read_addons
from bootstrap.workflows.api_access import cluster_facts
from bootstrap.workflows.credentials import issue_credentials
from bootstrap.workflows.inputs import kubelet_login_files, read_patches, stale_files, vip_password
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
    found = cluster_facts(host) if request.reconfigure and observed.resumed else None
    cfg = observed.cfg
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
    logins = kubelet_login_files(host, cfg.own.mirrors)
    wants_tokens = request.phase == _TOKENS or not host.stat(names.TOKEN_CREATED)
    addons = read_addons(host, cfg, manifests)
    remarks = review(addons, cfg, decision.facts)
    key = decision.certificate_key
    node = NodeInputs(
        cfg,
        decision.facts,
        state=to_stored(cfg).encode(),
        kubeconfigs=issued.kubeconfigs,
        patches=read_patches(host, cfg.node.patches_directory),
        wait=request.wait,
        credential=issued.kubelet,
        logins=logins,
        bundled=bundled,
        stale=stale_files(host, cfg, decision.facts.mode, logins),
    )
    cluster = ClusterInputs(
        to_cluster_configuration(stored(cfg, decision.facts)),
        ca_pem(cfg, issued.by_path),
        manifests,
        now,
        tokens=tuple(map(made_token, cfg.run.tokens)) if wants_tokens else (),
        addons=addons,
        uploads=uploads(host, cfg, issued.by_path, key, now) if key else (),
    )
    password = vip_password(host, cfg)
    control_plane = ControlPlaneInputs(issued.pki, issued.there, issued.external_ca, vip_password=password)
    plan = init_plan(node, control_plane, cluster)
    if request.phase is None:
        if request.reconfigure and decision.resumed:
            plan = exchanged(plan, cfg.node.cri_socket)
        return replace(plan, remarks=(*decision.warnings, *remarks))
    alone = only(plan, request.phase, lambda path: host.stat(path) is not None)
    return replace(alone, remarks=decision.warnings)
