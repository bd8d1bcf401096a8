"""Steps that bring up etcd, the API server, and those that lead once it answers."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, LocalEtcd
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import Directory, EtcdPeerUrl, File
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Step
from bootstrap.phases.inputs import ControlPlaneInputs, NodeInputs
from bootstrap.phases.machine import KUBELET_FILES
from bootstrap.phases.parts import Part
from bootstrap.render.controlplane.audit import audit_files
from bootstrap.render.controlplane.etcd_member import etcdctl, member
from bootstrap.render.controlplane.static_pods import manifest, pods
from bootstrap.render.health import component_health, has_rbac

ANSWERS = "wait-control-plane/answers"
"""From here on the API server takes objects, though not every kind: it allocates no Service address yet."""
MAY_LEAD = "wait-control-plane/leases"
LEADERS = ("system:kube-controller-manager", "system:kube-scheduler")
"""Users, and the names of the bindings that give them their rights."""
OWNED = (
    *("etcd/local", "etcd/peer-url", ANSWERS, MAY_LEAD),
    *(f"control-plane/{name}" for name in ("apiserver", "controller-manager", "scheduler")),
    *(f"wait-control-plane/{name}" for name in ("apiserver", "controller-manager", "scheduler")),
)
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


def control_plane_steps(node: NodeInputs, control_plane: ControlPlaneInputs, files: tuple[str, ...]) -> Part:
    """etcd and the API server start with the kubelet; the other two once they may take their lease.

    Earlier, they fail to take it and lose a retry period of 2 s (leaderelection's default). The API server makes the
    rest of its RBAC while they start. `files` are the steps that write what the first two read.
    """
    cfg = node.cfg
    found = pods(cfg, node.facts, node.patches, external_ca=control_plane.external_ca)
    files_of = {name: manifest(cfg, pod) for name, pod in found.items()}
    timeout = cfg.run.timeouts.control_plane_component_health_check
    rbac = has_rbac(found["kube-apiserver"])
    steps = [
        Step(
            "control-plane/apiserver",
            "Control plane",
            (*(audit_files(cfg) if cfg.own.hardening else ()), files_of["kube-apiserver"]),
            after=(*files, KUBELET_FILES),
        ),
        Step(
            ANSWERS,
            "Control plane",
            waits=(HttpOk("kube-apiserver answers", "/livez/ping", "admin"),),
            after=("kubelet-start",),
            timeout=timeout,
        ),
        Step(
            MAY_LEAD,
            "Control plane",
            waits=tuple(HttpOk(f"RBAC of {user} in place", f"{BINDINGS}/{user}", "admin") for user in LEADERS if rbac),
            after=(ANSWERS,),
            timeout=timeout,
        ),
        Step(
            "wait-control-plane/apiserver",
            "Control plane",
            waits=(
                HttpOk("kube-apiserver live", "/livez", "admin"),
                *((HttpOk("RBAC in place", "/readyz/poststarthook/rbac/bootstrap-roles", "admin"),) if rbac else ()),
            ),
            after=(ANSWERS,),
            timeout=timeout,
        ),
    ]
    if isinstance(cfg.cluster.etcd, LocalEtcd):
        etcd = (Directory(cfg.cluster.etcd.data_dir, 0o700), files_of["etcd"])
        steps += [
            Step("etcd/local", "Control plane", etcd, after=(*files, KUBELET_FILES)),
            Step(
                "etcd/peer-url",
                "Control plane",
                _peer_url(cfg, node.facts, files_of["etcd"]),
                after=("wait-control-plane/apiserver",),
                timeout=cfg.run.timeouts.etcd_api_call,
            ),
        ]
    for name, port, path in (
        ("controller-manager", names.CONTROLLER_MANAGER_PORT, "/healthz"),
        ("scheduler", names.SCHEDULER_PORT, "/livez"),
    ):
        after = (MAY_LEAD, f"kubeconfig/{name}")
        url = component_health(found[f"kube-{name}"], port, path)
        steps += [
            Step(f"control-plane/{name}", "Control plane", (files_of[f"kube-{name}"],), after=after),
            Step(
                f"wait-control-plane/{name}",
                "Control plane",
                waits=(HttpOk(f"kube-{name} healthy", url),) if url else (),
                after=(f"control-plane/{name}",),
                timeout=timeout,
            ),
        ]
    return Part(OWNED, tuple(steps))


def _peer_url(cfg: ClusterConfig, facts: HostFacts, pod: File) -> tuple[EtcdPeerUrl, ...]:
    """None for a member without certificates: the user's flags took it out of our hands."""
    own, pki = member(pod.content), f"{cfg.cluster.certificates_dir}/etcd"
    if own is None:
        return ()
    program = f"{names.HOST_BIN_DIR}/etcdctl" if facts.mode == "host" else "etcdctl"
    certificate = f"{pki}/healthcheck-client"
    command = etcdctl(program, f"{pki}/ca.crt", f"{certificate}.crt", f"{certificate}.key", own.url)
    return (EtcdPeerUrl(",".join(own.peer_urls), command),)
