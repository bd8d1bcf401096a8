"""The plan of `reset`: one step after another, in the order that a living node allows.

The node and the etcd member while they can still tell the others; then the kubelet, or it starts again what is
removed; a runtime of ours before what its Pods left, since a container that was being made when the kubelet ended
makes the directories that it mounts; mounts before files; our own tools and the journal last
(docs/explanation/reset.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bootstrap.model import names
from bootstrap.model.effects import Effect, UnitRunning
from bootstrap.model.journal_entry import ADDRESS, IMAGES, NETWORK, PATH, SYSCTL, TREE, UNIT, Entry
from bootstrap.model.plan import Plan, Step
from bootstrap.model.reset_effects import (
    ContainersGone,
    EtcdMemberGone,
    NodeDeleted,
    NodeDrained,
    Restored,
    UnitsReloaded,
    Unmounted,
)
from bootstrap.phases.cluster import ADMINS_BOUND, TAINTS_GIVEN

TOOLS = (names.HOST_DIR, names.WORK_DIR)
"""What reset itself needs on the host, the journal among it."""
MARKS = (names.TOKEN_CREATED, ADMINS_BOUND, TAINTS_GIVEN)
"""What `init` does once, since the cluster's own data has it from then on: they go before that data does."""
WHO_STAYS = "kubectl get pdb -A shows who keeps them"
KEPT = (names.JOURNAL.rpartition("/")[2],)


def reset_plan(
    entries: tuple[Entry, ...],
    containers: ContainersGone | None,
    tools: Collection[str] = TOOLS,
    member: EtcdMemberGone | None = None,
    networks: tuple[str, ...] = (),
    first: tuple[Step, ...] = (),
) -> Plan:
    """Undoes every entry of the journal, newest first; the journal itself stays until it is verified.

    `tools` are what reset needs to the end, by every name that these have; `member` is this machine's, if it has one.
    `containers` is None where no Pod is ours; `networks` are the CNI networks that our Pods are in; `first` is done
    while the cluster still counts on this machine.
    """
    newest = tuple(entry for entry in reversed(entries) if entry.is_understood)
    units = [e for e in newest if e.kind == UNIT]
    shared = [e for e in newest if e.kind == TREE and e.name in names.SHARED_TREES]
    trees = [e for e in newest if e.kind == TREE and e not in shared]
    gone = tuple(f"{e.name}/" for e in trees if e.before is None)
    files = [e for e in newest if (e.kind == PATH or e in trees) and not e.name.startswith(gone)]
    stopped = [e for e in units if e.name != names.KUBELET_SERVICE]
    pods = [containers] if containers else []
    reloaded = UnitsReloaded(tuple(e.name for e in units))
    phases: dict[str, tuple[str, list[Effect]]] = {
        "remove-etcd-member": ("etcd", [member] if member else []),
        "marks": ("Files", [Restored(e) for e in newest if e.kind == PATH and e.name in MARKS]),
        "kubelet": ("Kubelet", [Restored(e) for e in units if e.name == names.KUBELET_SERVICE]),
        "containers": (
            "Containers",
            [*pods, *(Restored(e) for e in newest if e.kind == IMAGES)],
        ),
        "units": ("Services", [Restored(e) for e in stopped]),
        "pod-network": ("Network", [Restored(e, networks=networks) for e in _namespaces_first(shared)]),
        "mounts": ("Mounts", [Unmounted(e.name, _entries(e), itself=_was_no_mount(e)) for e in trees]),
        "files": (
            "Files",
            [*(Restored(e) for e in files if not _holds_tools(e, tools)), reloaded],
        ),
        "running-before": ("Services", _running_before(units)),
        "kernel": ("Kernel", [Restored(e) for e in newest if e.kind == SYSCTL]),
        "network": ("Network", [Restored(e, networks=networks) for e in newest if e.kind in (NETWORK, ADDRESS)]),
        "tools": (
            "Tools",
            [Restored(e, KEPT if e.name == names.WORK_DIR else ()) for e in files if _holds_tools(e, tools)],
        ),
    }
    steps = list(first)
    for name, (group, effects) in phases.items():
        if effects:
            steps.append(Step(name, group, tuple(effects), after=tuple(s.id for s in steps[-1:])))
    return Plan(tuple(steps))


def node_steps(drained: NodeDrained | None, deleted: NodeDeleted | None, drain_timeout: float) -> tuple[Step, ...]:
    """Before the etcd member goes, since this machine's API server ends with it; a kubelet that runs registers its
    node at its start only, so that one which is deleted stays so."""
    steps = []
    if drained:
        way_out = f"{WHO_STAYS}; kubectl uncordon {drained.name} takes new Pods again"
        steps.append(Step("drain", "Node", (drained,), timeout=drain_timeout, instead=way_out))
    if deleted:
        steps.append(Step("delete-node", "Node", (deleted,), after=tuple(step.id for step in steps)))
    return tuple(steps)


def _namespaces_first(shared: Iterable[Entry]) -> list[Entry]:
    """CNI's own files say which of them are ours."""
    return sorted(shared, key=lambda entry: entry.name != names.NETNS_DIR)


def _entries(tree: Entry) -> tuple[str, ...] | None:
    return tuple(tree.before["entries"]) if tree.before else None


def _was_no_mount(tree: Entry) -> bool:
    return tree.before is not None and tree.before.get("mounted") is False


def _holds_tools(entry: Entry, tools: Collection[str]) -> bool:
    """A tool, something below it, or a directory made for it, which is empty only when the tool is gone."""
    return any(f"{entry.name}/".startswith(f"{tool}/") or tool.startswith(f"{entry.name}/") for tool in tools)


def _running_before(units: Iterable[Entry]) -> list[Effect]:
    return [UnitRunning(e.name, enabled=e.before["enabled"]) for e in units if e.before and e.before["active"]]
