"""`join`: find the cluster, believe it, then make this machine one of its nodes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bootstrap.config import Documents, read_stored, to_stored
from bootstrap.config.join import discovery, joining
from bootstrap.host.facts.configured import look_up
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Host, HostReader
from bootstrap.joining.cluster import cluster_of
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Plan
from bootstrap.phases.images import Bundled
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.join import JoinInputs, join_plan
from bootstrap.preflight.checks import run_checks
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig
from bootstrap.workflows import api_access
from bootstrap.workflows.discovery import Said, discover
from bootstrap.workflows.inputs import kubelet_login_files, read_patches
from bootstrap.workflows.observe import Observed


@dataclass(frozen=True)
class JoinRequest:
    """`documents` are the file's with the flags written in."""

    documents: Documents
    wait: str = "node"
    strict: bool = False


@dataclass(frozen=True)
class JoinDecision(Observed):
    """`cluster` is None on a machine that has joined: nobody is asked again."""

    cluster: TrustedCluster | None = None


def decide_join(host: Host, mode: str, request: JoinRequest, said: Said) -> JoinDecision:
    """Raises BootstrapError: exit 3, 6 and 7 (discovery), 8 (this machine is a node of another making)."""
    facts, before = gather(host, mode), host.read(names.STATE_CONFIG)
    if before is not None:
        cfg, cluster = _again(before, request, facts), None
        if host.stat(names.KUBELET_CONF) is None:
            cluster = _found(host, request, facts, said)
    else:
        cluster = _found(host, request, facts, said)
        spec = cluster_of(api_access.joining(cluster))
        cfg = joining(request.documents, spec, cluster.endpoint, facts)
    fresh = before is None
    facts = dataclasses.replace(facts, configured=look_up(host, mode, cfg, address_given=False, fresh=fresh))
    return JoinDecision(
        cfg, facts, run_checks(cfg, facts, fresh=fresh, strict=request.strict), not fresh, cluster=cluster
    )


def _found(host: HostReader, request: JoinRequest, facts: HostFacts, said: Said) -> TrustedCluster:
    return discover(host, discovery(request.documents, facts), said)


def _again(before: bytes, request: JoinRequest, facts: HostFacts) -> ClusterConfig:
    """A machine that joined, or set out to, goes on with the cluster that it found then."""
    stored = read_stored(before)
    if not stored.node.server:
        raise BootstrapError(
            "this machine began a cluster of its own",
            code=Exit.CONFLICT,
            why=f"init was run here: {names.STATE_CONFIG}",
            fix="bootstrap reset, then join",
        )
    return joining(request.documents, stored.cluster, stored.node.server, facts)


def make_join_plan(
    host: HostReader, decision: JoinDecision, request: JoinRequest, bundled: Bundled | None = None
) -> Plan:
    """The kubelet's first credential is part of it until the kubelet has its own."""
    cfg, cluster = decision.cfg, decision.cluster
    ca_path = f"{cfg.cluster.certificates_dir}/ca.crt"
    ca = cluster.ca if cluster else host.read(ca_path) or b""
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
    first = File(names.BOOTSTRAP_KUBELET_CONF, bootstrap_kubeconfig(cluster), 0o600, secret=True) if cluster else None
    return join_plan(node, JoinInputs(File(ca_path, ca, once=True), first))
