"""`join`: find the cluster, believe it, then make this machine one of its nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bootstrap.config import Documents, read_stored, to_stored
from bootstrap.config.complete import lasting
from bootstrap.config.join import KIND, discovery, joining
from bootstrap.engine.effects.etcd_join import withdraw
from bootstrap.engine.run import EventListener
from bootstrap.engine.run_context import LoadImages
from bootstrap.engine.timings import Timing
from bootstrap.host.facts.configured import look_up
from bootstrap.host.facts.gather import gather
from bootstrap.host.facts.joined import joined_facts
from bootstrap.host.port import Host, HostReader
from bootstrap.joining.cluster import cluster_of, with_settings_of
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig
from bootstrap.model.discovery import Discovery, TrustedCluster
from bootstrap.model.effects import EtcdMemberAdded, File
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import HostFacts
from bootstrap.model.flags import JOIN
from bootstrap.model.plan import PREFLIGHT, Plan
from bootstrap.phases.images import Bundled
from bootstrap.phases.inputs import ControlPlaneInputs, NodeInputs
from bootstrap.phases.join import JoinInputs, join_control_plane_plan, join_plan
from bootstrap.phases.naming import OF_JOIN
from bootstrap.phases.select import only
from bootstrap.preflight.checks import Preflight, run_checks
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig, kubelet_server, told_otherwise
from bootstrap.workflows import api_access
from bootstrap.workflows.credentials import NOTHING, issue_credentials
from bootstrap.workflows.encryption import encryption
from bootstrap.workflows.execute import execute
from bootstrap.workflows.inputs import kubelet_login_files, read_patches, vip_password
from bootstrap.workflows.joining.again import again, as_cluster_says
from bootstrap.workflows.joining.asking import Asking, Said, unheard
from bootstrap.workflows.joining.control_plane import etcd_to_join, lacking, shared_credentials
from bootstrap.workflows.joining.discovery import discover
from bootstrap.workflows.observe import Observed


@dataclass(frozen=True)
class JoinRequest:
    """`documents` are the file's with the flags written in."""

    documents: Documents
    wait: str = "node"
    strict: bool = False
    phase: str | None = None
    """One phase of the plan, by kubeadm's name; None for all."""

    @property
    def is_checked(self) -> bool:
        """Whether there is preflight: a phase alone has none: it would find what the last one made."""
        return self.phase in (None, PREFLIGHT)


@dataclass(frozen=True)
class JoinDecision(Observed):
    """`cluster` is None on a machine that has joined: nobody is asked again."""

    cluster: TrustedCluster | None = None
    shared: Mapping[str, bytes] = field(default_factory=dict)
    """What all control planes share and is not here, by path."""
    server_before: str = ""
    """What the kubelet of a machine that has joined was told to talk to."""


def decide_join(host: Host, mode: str, request: JoinRequest, said: Said) -> JoinDecision:
    """Raises BootstrapError: exit 3, 6 and 7 (discovery), 8 (this machine is a node of another making)."""
    facts, before = gather(host, mode), host.read(names.STATE_CONFIG)
    cluster = api = None
    server = ""
    if before is not None:
        stored = read_stored(before)
        server, cfg = kubelet_server(stored), again(as_cluster_says(host, stored), request.documents, facts)
        fetches = cfg.node.api and cfg.run.certificate_key and lacking(host, cfg)
        if fetches or host.stat(names.KUBELET_CONF) is None:
            cluster, api = _found(host, request, facts, said)
    else:
        cluster, api = _found(host, request, facts, said)
        spec, own = cluster_of(api), with_settings_of(api, request.documents.own or BootstrapConfig())
        cfg = joining(request.documents, spec, own, cluster.endpoint, facts)
    shared = shared_credentials(host, cfg, api) if cfg.node.api else NOTHING
    fresh = before is None
    configured = look_up(host, mode, cfg, address_given=False, fresh=fresh)
    if api is not None:
        configured = dataclasses.replace(configured, **joined_facts(host, api, cfg.node.name))
    facts = dataclasses.replace(lasting(facts, cfg.own), configured=configured)
    return JoinDecision(
        cfg,
        facts,
        run_checks(cfg, facts, fresh=fresh, strict=request.strict) if request.is_checked else Preflight(()),
        not fresh,
        cluster=cluster,
        shared=shared,
        server_before=server,
    )


def _found(host: HostReader, request: JoinRequest, facts: HostFacts, said: Said) -> tuple[TrustedCluster, Asking]:
    """The cluster, and how to ask it as who joins.

    A control plane that is made phase by phase asks as its administrator once it can (kubeadm).
    """
    doc = request.documents.get(KIND)
    alone = request.phase and "controlPlane" in doc and "discovery" not in doc
    is_admin = alone and host.stat(names.ADMIN_CONF) is not None
    wanted = Discovery(file=names.ADMIN_CONF) if is_admin else discovery(request.documents, facts)
    found = discover(host, wanted, said)
    return found, Asking(api_access.joining(found), found.endpoint, wanted.timeout, said, wanted.endpoint)


def make_join_plan(
    host: HostReader,
    decision: JoinDecision,
    manifests: Mapping[str, str],
    now: datetime,
    request: JoinRequest,
    bundled: Bundled | None = None,
    said: Said = unheard,
) -> Plan:
    """Certificates and kubeconfigs are issued here. Raises BootstrapError: exit 3, 6 (etcd's members)."""
    plan = _whole_plan(host, decision, manifests, now, request, bundled, said)
    if request.phase is None:
        return plan
    return only(plan, request.phase, lambda path: host.stat(path) is not None, OF_JOIN)


def _whole_plan(
    host: HostReader,
    decision: JoinDecision,
    manifests: Mapping[str, str],
    now: datetime,
    request: JoinRequest,
    bundled: Bundled | None,
    said: Said,
) -> Plan:
    cfg = decision.cfg
    node = NodeInputs(
        cfg=cfg,
        facts=decision.facts,
        state=to_stored(cfg).encode(),
        kubeconfigs=(),
        patches=read_patches(host, cfg.node.patches_directory),
        wait=request.wait,
        logins=kubelet_login_files(host, cfg.own.mirrors),
        bundled=bundled,
    )
    if cfg.node.api is None:
        return join_plan(node, _credentials(host, decision), manifests)
    issued = issue_credentials(host, cfg, now, None, anew=False, given=decision.shared)
    node = dataclasses.replace(node, kubeconfigs=issued.kubeconfigs, credential=issued.kubelet)
    joins = etcd_to_join(host, cfg, issued, said) if cfg.local_etcd else None
    control_plane = ControlPlaneInputs(
        issued.pki,
        issued.there,
        issued.signing,
        joins,
        encryption(host, cfg, decision.shared),
        vip_password(host, cfg),
    )
    return join_control_plane_plan(node, control_plane, manifests)


def _credentials(host: HostReader, decision: JoinDecision) -> JoinInputs:
    """The kubelet's first credential is part of it until the kubelet has its own; that goes with the cluster's address,
    unless somebody has told the kubelet another one."""
    cfg, cluster = decision.cfg, decision.cluster
    path = f"{cfg.cluster.certificates_dir}/ca.crt"
    ca = cluster.ca if cluster else host.read(path) or b""
    file = None
    if cluster:
        file = File(names.BOOTSTRAP_KUBELET_CONF, bootstrap_kubeconfig(cluster), 0o600, secret=True)
    elif conf := told_otherwise(host.read(names.KUBELET_CONF) or b"", decision.server_before, kubelet_server(cfg)):
        file = File(names.KUBELET_CONF, conf, 0o600, secret=True)
    return JoinInputs(File(path, ca, once=True), file)


def carry_out(
    host: Host, decision: JoinDecision, plan: Plan, listen: EventListener, load_images: LoadImages | None = None
) -> tuple[Timing, ...]:
    """A join that fails leaves no learner in the others' etcd. Raises BootstrapError: exit 5, 6 (with evidence), 7."""
    try:
        return execute(host, decision, plan, listen, load_images, verb=JOIN)
    except BootstrapError:
        for effect in (effect for step in plan.steps for effect in step.effects):
            if isinstance(effect, EtcdMemberAdded):
                withdraw(host, effect)
        raise
