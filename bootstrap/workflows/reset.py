"""`reset`: undo what the journal says, then prove it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bootstrap.engine.journal import read_journal
from bootstrap.engine.records import Comparison
from bootstrap.engine.run import EventListener, run
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.timings import Timing
from bootstrap.engine.verify import compare
from bootstrap.host.facts.cni import configured_networks
from bootstrap.host.facts.kubelet import cri_socket, static_pod_path
from bootstrap.host.kube_client import probe
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import TREE, UNIT, Entry
from bootstrap.model.plan import Plan
from bootstrap.model.reset_effects import ContainersGone, EtcdMemberGone
from bootstrap.model.runtime import HOST_RUNTIME, NODE_RUNTIME, Runtime
from bootstrap.phases.reset import TOOLS, node_steps, reset_plan
from bootstrap.render.controlplane.etcd_member import EtcdMember, etcdctl, member
from bootstrap.render.controlplane.static_pods import manifest_path
from bootstrap.workflows.foreign_node import foreign_entries
from bootstrap.workflows.leaving import Leave, Leaving, leaving

TRACES = (names.KUBELET_CONF, names.ADMIN_CONF, names.KUBELET_CONFIG)
"""A machine with one of these is a node, whoever made it."""


@dataclass(frozen=True)
class ResetRequest:
    """kubeadm's flags; `cert_dir` and `cleanup_tmp_dir` matter for a node that we did not make."""

    cert_dir: str = names.PKI_DIR
    cri_socket: str = ""
    cleanup_tmp_dir: bool = False
    leave: Leave = field(default_factory=Leave)


@dataclass(frozen=True)
class ResetDecision:
    """`journal` may be there for a `foreign` node too: the start of a node container changes something as well."""

    journal: tuple[Entry, ...]
    foreign: bool
    leaving: Leaving
    plan: Plan


def decide_reset(host: Host, mode: str, request: ResetRequest) -> ResetDecision:
    """Raises BootstrapError: exit 8 when there is nothing to undo, or others could not go on, 2 or 8 for a directory
    that must not be emptied, 7 when Pods are to be moved and nobody answers."""
    manifest = manifest_path("etcd", static_pod_path(host))
    journal, etcd = read_journal(host), member(host.read(manifest) or b"")
    foreign = not _is_ours(journal) and any(host.stat(path) for path in TRACES)
    if not journal and not foreign:
        raise BootstrapError(
            "there is nothing to reset",
            code=Exit.CONFLICT,
            why=f"{names.JOURNAL} does not exist, and neither does {names.KUBELET_CONF}",
            fix="bootstrap init makes a cluster",
        )
    others: tuple[Entry, ...] = ()
    if foreign:
        others = foreign_entries(host, etcd, manifest, request.cert_dir, with_temporary=request.cleanup_tmp_dir)
    runtime = _runtime(host, journal, mode, request)
    has_member = etcd and (foreign or any(entry.name == manifest for entry in journal))
    gone = _member_gone(host, etcd, required=not request.leave.break_quorum) if etcd and has_member else None
    leaves = leaving(host, request.leave, gone)
    plan = reset_plan(
        (*journal, *others),
        _containers(journal, runtime, foreign=foreign),
        (*TOOLS, *map(host.resolve, TOOLS)),
        gone,
        (names.POD_NETWORK, *(configured_networks(host, runtime.cni_conf) if runtime.ours else ())),
        node_steps(leaves.drained, leaves.deleted, request.leave.drain_timeout),
    )
    return ResetDecision(journal, foreign, leaves, plan)


def _containers(journal: tuple[Entry, ...], runtime: Runtime, *, foreign: bool) -> ContainersGone | None:
    """All Pods of a runtime of ours; in that of others those of the kubelet, if the record says that we started one."""
    kubelet = foreign or any((entry.kind, entry.name) == (UNIT, names.KUBELET_SERVICE) for entry in journal)
    if not (kubelet or runtime.ours):
        return None
    return ContainersGone(
        runtime.socket,
        runtime.unit,
        kubelet_only=not (runtime.ours or foreign),
        slice=names.PODS_SLICE if kubelet else "",
    )


def _is_ours(journal: tuple[Entry, ...]) -> bool:
    """Whether `init` set out to make a node: it notes the node's directories first, a phase alone what it makes."""
    of_a_node = {*names.TREES, names.KUBELET_DIR, *TRACES} - {names.WORK_DIR}  # whoever notes anything notes that
    return any(entry.name in of_a_node for entry in journal)


def _member_gone(host: HostReader, etcd: EtcdMember, *, required: bool) -> EtcdMemberGone:
    """By our own etcdctl: a node that kubeadm made has none outside of its Pods."""
    words = etcdctl("etcdctl", *map(host.reach, (etcd.ca, etcd.certificate, etcd.key)))
    return EtcdMemberGone((etcd.url, *etcd.others), etcd.peer_url, etcd.data_dir, words, required)


def _runtime(host: HostReader, journal: tuple[Entry, ...], mode: str, request: ResetRequest) -> Runtime:
    """Ours, else the one that the user or the kubelet's own configuration names."""
    if mode == "node":
        return NODE_RUNTIME
    if any(entry.name == HOST_RUNTIME.unit for entry in journal):
        return HOST_RUNTIME
    return Runtime(request.cri_socket or cri_socket(host))


def act_reset(host: Host, decision: ResetDecision, listen: EventListener) -> tuple[Timing, ...]:
    """Runs the plan. Raises BootstrapError (exit 5); running it again goes on where it stopped."""
    return run(decision.plan, RunContext(host, decision.leaving.connect, probe, "reset"), listen)


def verify_reset(host: Host) -> Comparison:
    """Compares with the journal. Raises BootstrapError (exit 8) when there is none."""
    journal = read_journal(host)
    if not journal:
        raise BootstrapError(
            "there is nothing to compare with",
            code=Exit.CONFLICT,
            why=f"{names.JOURNAL} does not exist: nothing was made here, or a reset was verified already",
        )
    return compare(host, journal)


def forget(host: Host) -> None:
    """The last trace: the journal and its directory."""
    made = Entry(TREE, names.WORK_DIR, None) in read_journal(host)
    host.remove(names.JOURNAL)
    host.remove_empty(host.resolve(names.WORK_DIR) if made else names.WORK_DIR)
