"""Steps that bring up etcd, the API server, and those that lead once it answers."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import (
    Directory,
    Effect,
    EtcdAddresses,
    EtcdMemberAdded,
    EtcdMemberPromoted,
    File,
    KeyPair,
    LeaseFreed,
    RecordState,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.journal_entry import ADDRESS
from bootstrap.model.plan import Step
from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.phases.inputs import ControlPlaneInputs, EtcdJoin, NodeInputs
from bootstrap.phases.machine import KUBELET_FILES
from bootstrap.phases.parts import Part
from bootstrap.render.addresses import url_host
from bootstrap.render.controlplane.audit import audit_files
from bootstrap.render.controlplane.etcd_member import etcdctl, member
from bootstrap.render.controlplane.flags import NOBODY
from bootstrap.render.controlplane.keepalived import keepalived_files
from bootstrap.render.controlplane.static_pods import manifest, pods
from bootstrap.render.health import component_health, has_rbac

ANSWERS = "wait-control-plane/answers"
"""From here on the API server takes objects, though not every kind: it allocates no Service address yet."""
MAY_LEAD = "wait-control-plane/leases"
VIP, VIP_ANSWERS = "control-plane/keepalived", "wait-control-plane/keepalived"
LEASES = ("kube-controller-manager", "kube-scheduler")
LEADERS = tuple(f"system:{name}" for name in LEASES)
"""Users, and the names of the bindings that give them their rights."""
ETCD_ADDED, ETCD_PROMOTED = "etcd-join/added", "etcd-join/promoted"
"""kubeadm's phase etcd-join, in two: between them the kubelet starts the member."""
OWNED = (
    *("etcd/local", "etcd/peer-url", ETCD_ADDED, ETCD_PROMOTED, ANSWERS, MAY_LEAD, VIP, VIP_ANSWERS),
    *(f"control-plane/{name}" for name in ("apiserver", "controller-manager", "scheduler")),
    *(f"wait-control-plane/{name}" for name in ("apiserver", "controller-manager", "scheduler")),
)
OTHERS = {"others": "https://others.invalid:2380"}
PLACEHOLDER = ",".join(f"{name}={url}" for name, url in OTHERS.items())
"""Stands in etcd's manifest for members that are known only when the etcd has answered."""
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


def control_plane_steps(node: NodeInputs, control_plane: ControlPlaneInputs, files: tuple[str, ...]) -> Part:
    """etcd and the API server start with the kubelet; the other two once they may take their lease.

    Earlier, they fail to take it and lose a retry period of 2 s (leaderelection's default). The API server makes the
    rest of its RBAC while they start. `files` are the steps that write what the first two read.

    Where the etcd has other members already, the API server waits until the one beside it has a vote: it asks only that
    one, and a learner answers nothing.
    """
    cfg, joins = node.cfg, control_plane.joins
    members = (joins.met or OTHERS) if joins else NOBODY
    found = pods(cfg, node.facts, node.patches, signing=control_plane.signing, members=members)
    files_of = {name: manifest(cfg, pod) for name, pod in found.items()}
    timeout = cfg.run.timeouts.control_plane_component_health_check
    rbac = has_rbac(found["kube-apiserver"])
    steps = [
        Step(
            "control-plane/apiserver",
            "Control plane",
            (*audit_files(cfg), files_of["kube-apiserver"]),
            after=(*files, KUBELET_FILES, *((ETCD_PROMOTED,) if joins and not joins.voted else ())),
        ),
        Step(
            ANSWERS,
            "Control plane",
            waits=(HttpOk("kube-apiserver answers", "/livez/ping", "admin"),),
            after=("kubelet-start", "control-plane/apiserver"),
            timeout=timeout,
        ),
        Step(
            MAY_LEAD,
            "Control plane",
            tuple(LeaseFreed(name, node.facts.hostname, node.facts.booted) for name in LEASES),
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
    if cfg.local_etcd:
        steps += _etcd(node, control_plane, files_of["etcd"], (*files, KUBELET_FILES))
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
    if vip := cfg.own.control_plane_vip:
        steps += _virtual_address(cfg, vip, keepalived_files(cfg, vip, node.facts, control_plane.vip_password))
    return Part(OWNED, tuple(steps))


def _virtual_address(cfg: ClusterConfig, vip: VirtualAddress, files: tuple[File, ...]) -> list[Step]:
    """keepalived starts when there is something to lead to; nothing that is needed for that goes by the address.

    Who joins does not wait: somebody holds it already, and that was asked all the time.
    """
    effects: tuple[Effect, ...] = (RecordState(ADDRESS, vip.address), Directory(names.KEEPALIVED_DIR, 0o700), *files)
    answers = HttpOk(
        f"{vip.address} answers", f"https://{url_host(vip.address)}:{cfg.api.bind_port}/livez", shared=True
    )
    timeout = cfg.run.timeouts.control_plane_component_health_check
    wait = Step(VIP_ANSWERS, "Control plane", waits=(answers,), after=(VIP,), timeout=timeout)
    return [Step(VIP, "Control plane", effects, after=(ANSWERS,)), *(() if cfg.node.server else (wait,))]


def _etcd(node: NodeInputs, control_plane: ControlPlaneInputs, pod: File, files: tuple[str, ...]) -> list[Step]:
    """The first member, or one more: a new one is added to the others, one that has run finds them again."""
    cfg, joins, timeout = node.cfg, control_plane.joins, node.cfg.run.timeouts.etcd_api_call
    directory = Directory(cfg.local_etcd.data_dir if cfg.local_etcd else "", 0o700)
    addresses = _addresses(cfg, node.facts, pod)
    if joins is None:
        # A cluster that begins has one member, whose address is right: the API server comes first.
        after = "kubelet-start" if control_plane.there else "wait-control-plane/apiserver"
        return [
            Step("etcd/local", "Control plane", (directory, pod), after=files),
            Step("etcd/peer-url", "Control plane", addresses, after=(after,), timeout=timeout),
        ]
    added = () if joins.voted else _joined(cfg, joins, pod)
    member: tuple[Effect, ...] = (pod, *addresses) if joins.met else added[:1]
    return [
        Step(ETCD_ADDED, "etcd", (directory, *member[:1]), after=files, timeout=timeout),
        Step(ETCD_PROMOTED, "etcd", (*member[1:], *added[1:]), after=("kubelet-start",), timeout=timeout),
    ]


def _joined(cfg: ClusterConfig, joins: EtcdJoin, pod: File) -> tuple[EtcdMemberAdded, EtcdMemberPromoted]:
    own = member(pod.content)
    if own is None:
        raise BootstrapError(
            "etcd's flags take its member out of our hands, so it cannot join the others",
            code=Exit.CONFIG,
            fix="leave certificates and peer URLs out of etcd.local.extraArgs",
        )
    etcdctl = (*joins.etcdctl, f"--endpoints={','.join(joins.endpoints)}")
    added = EtcdMemberAdded(cfg.node.name, own.peer_url, own.data_dir, etcdctl, pod, PLACEHOLDER)
    alone = (*joins.etcdctl, f"--endpoints={own.url}")
    return added, EtcdMemberPromoted(own.peer_url, etcdctl, alone, cfg.node.cri_socket)


def _addresses(cfg: ClusterConfig, facts: HostFacts, pod: File) -> tuple[EtcdAddresses, ...]:
    """None for a member without certificates: the user's flags took it out of our hands."""
    own, pki = member(pod.content), f"{cfg.cluster.certificates_dir}/etcd"
    if own is None:
        return ()
    program = f"{names.HOST_BIN_DIR}/etcdctl" if facts.mode == "host" else "etcdctl"
    client = etcdctl(program, f"{pki}/ca.crt", f"{pki}/healthcheck-client.crt", f"{pki}/healthcheck-client.key")
    peer = KeyPair(f"{pki}/ca.crt", f"{pki}/peer.crt", f"{pki}/peer.key")
    return (EtcdAddresses(cfg.node.name, own.peer_urls, own.url, client, peer, searches=facts.mode == "node"),)
