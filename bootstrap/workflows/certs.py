"""Certificates of a machine, whoever made it: how long they are good for, and new ones in their place."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from datetime import datetime

from bootstrap.config import Documents, Overrides, anywhere, load, read_cluster_configuration, read_stored, resolve
from bootstrap.engine.journal import begun, read_journal
from bootstrap.engine.run import EventListener, run
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.cluster import SYSTEM
from bootstrap.host.facts.gather import gather
from bootstrap.host.facts.kubelet import cri_socket, kubelet_configuration, static_pod_path
from bootstrap.host.facts.places import places
from bootstrap.host.facts.static_pods import static_pod
from bootstrap.host.kube_client import probe
from bootstrap.host.port import Api, Host, HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, ClusterSpec, Document, ExternalEtcd
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan
from bootstrap.model.runtime import runtime_at
from bootstrap.phases.renew import STATIC_PODS, noted, renew_plan
from bootstrap.render.controlplane.static_pods import manifest_path
from bootstrap.render.health import kubelet_health
from bootstrap.render.pki.expiry import Expiry, expiries
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.renewal import Renewal, RenewalInput, renewal
from bootstrap.workflows.api_access import administrator
from bootstrap.workflows.diagnose import SIGNS_OF_A_CLUSTER, with_cause


@dataclass(frozen=True)
class CertsRequest:
    """kubeadm's flags: `config` is the bytes of --config, None when it was not given."""

    config: bytes | None = None
    kubeconfig: str = ""
    cert_dir: str = ""


@dataclass(frozen=True)
class RenewalDecision:
    """`records` is False on a node that others made."""

    result: Renewal
    plan: Plan
    socket: str
    records: bool


def configuration(host: Host, mode: str, request: CertsRequest) -> ClusterConfig:
    """What this machine is: by --config, by what init or join left, else by the cluster and by what lies here.

    Raises BootstrapError: exit 3, 8 (there is no cluster here).
    """
    return at_directory(_machine(host, mode, request), request.cert_dir)


def at_directory(cfg: ClusterConfig, cert_dir: str) -> ClusterConfig:
    """With its certificates in another directory, if one is named."""
    if not cert_dir:
        return cfg
    return dataclasses.replace(cfg, cluster=dataclasses.replace(cfg.cluster, certificates_dir=cert_dir.rstrip("/")))


def _machine(host: Host, mode: str, request: CertsRequest) -> ClusterConfig:
    stored = host.read(names.STATE_CONFIG)
    if request.config is None and not request.kubeconfig and stored is not None:
        return read_stored(stored)
    if not (request.cert_dir or any(host.stat(path) for path in SIGNS_OF_A_CLUSTER)):
        raise BootstrapError(
            "there is no cluster here",
            code=Exit.CONFLICT,
            why=f"none of {', '.join(SIGNS_OF_A_CLUSTER)} exists",
            fix="bootstrap init, or name the directory of the certificates: --cert-dir DIR",
        )
    documents = load(request.config) if request.config is not None else Documents()
    cfg = resolve(documents, Overrides(), anywhere(gather(host, mode)))
    if request.config is None:
        cfg = dataclasses.replace(
            cfg, cluster=_cluster(host, request.kubeconfig) or _as_it_lies_here(host, cfg.cluster)
        )
    if request.cert_dir or host.stat(manifest_path("kube-apiserver", static_pod_path(host))):
        return cfg
    return dataclasses.replace(cfg, node=dataclasses.replace(cfg.node, api=None))


def _cluster(host: HostReader, kubeconfig: str) -> ClusterSpec | None:
    """By kubeadm-config; None where nobody answers: that is no reason not to renew what has ended."""
    try:
        found = administrator(host, kubeconfig).get(f"{SYSTEM}/configmaps/kubeadm-config").found
    except (BootstrapError, ConnectionError):
        if kubeconfig:
            raise
        return None
    text = ((found or {}).get("data") or {}).get("ClusterConfiguration")
    return read_cluster_configuration(str(text).encode()) if text else None


def _as_it_lies_here(host: HostReader, spec: ClusterSpec) -> ClusterSpec:
    here = dataclasses.replace(spec, certificates_dir=places(host).certificates)
    local = host.stat(manifest_path("etcd", static_pod_path(host)))
    return here if local else dataclasses.replace(here, etcd=ExternalEtcd(()))


def check(host: Host, mode: str, request: CertsRequest) -> tuple[tuple[Expiry, ...], tuple[Expiry, ...]]:
    """Of the certificates, and of the CAs. Raises BootstrapError as `configuration` does."""
    return expiries(configuration(host, mode, request), host.read)


def decide_renewal(
    host: Host, mode: str, request: CertsRequest, wanted: tuple[str, ...], now: datetime, *, due: bool = False
) -> RenewalDecision:
    """`due`: only what has less than a third of its life left. Raises BootstrapError: exit 2, 3, 4 (the clock is
    wrong), 8."""
    cfg = configuration(host, mode, request)
    ours = begun(read_journal(host))
    unfinished = (host.read(names.RENEWING) or b"").decode().split()
    result = renewal(RenewalInput(cfg, host.read, ours, CryptoKeySource(), now, due, unfinished), wanted)
    records = host.read(names.STATE_CONFIG) is not None
    socket = cri_socket(host)
    plan = renew_plan(
        result.renewed,
        _static_pods(host),
        socket,
        kubelet_health(kubelet_configuration(host), ()),
        kubelet_runs=host.unit(names.KUBELET_SERVICE).active,
    )
    return RenewalDecision(result, noted(plan, result.renewed, unfinished) if records else plan, socket, records)


def renew(host: Host, mode: str, decision: RenewalDecision, listen: EventListener) -> None:
    """Raises BootstrapError: exit 5, 6 (who reads a certificate does not come back; with the cause)."""
    since = time.time()
    context = RunContext(host, _no_cluster, probe, "certs", records=decision.records)
    try:
        run(decision.plan, context, listen)
    except BootstrapError as e:
        if e.code == Exit.WAIT:
            raise with_cause(e, host, runtime_at(decision.socket, mode), since) from None
        raise


def _static_pods(host: HostReader) -> dict[str, Document]:
    return {name: pod for name in STATIC_PODS if (pod := static_pod(host, name))}


def _no_cluster() -> Api:
    raise BootstrapError("certificates are renewed without the cluster", code=Exit.BUG)
