"""Directories that others fill (the kubelet, etcd, a runtime), and what is mounted below them."""

from __future__ import annotations

from bootstrap.engine.effects import shared_trees
from bootstrap.engine.effects.files import describe_removal
from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.records import Comparison, RecordKind, State, is_as_before, register_kind
from bootstrap.engine.run_context import RunContext
from bootstrap.host.fs.mountinfo import mount_point
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.effects import RecordDirectory
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import TREE, Entry
from bootstrap.model.protected import protection
from bootstrap.model.reset_effects import Restored, Unmounted


def _record(effect: RecordDirectory, context: RunContext, timeout: float) -> str:
    """What others put into it is ours, what is in it now is not."""
    context.journal.note(TREE, effect.path)
    return ""


def _observe(host: HostReader, path: str) -> State:
    if host.stat(path) is None:
        return None
    return {"entries": list(host.listdir(path)), "mounted": path in mount_points(host)}


def mount_points(host: HostReader) -> list[str]:
    """Where something is mounted on the host."""
    lines = (host.read("/proc/1/mountinfo") or b"").decode().splitlines()
    return [mount_point(line.split()) for line in lines]


def _undo(host: Host, effect: Restored) -> str:
    entry = effect.entry
    if entry.name in names.SHARED_TREES:
        return shared_trees.undo(host, effect)
    if is_as_before(host, entry):
        return ""
    if entry.before is None and not effect.keep:
        host.remove_tree(entry.name)
    else:
        _judge(host.resolve(entry.name))
        kept = {*effect.keep, *(entry.before or {"entries": ()})["entries"]}
        for name in host.listdir(entry.name):
            if name not in kept:
                host.remove_tree(f"{entry.name}/{name}")
    return f"{entry.name} as before"


def _judge(path: str) -> None:
    """Before the first of what is in it goes."""
    if kind := protection(path):
        raise BootstrapError(
            f"{path} is {kind}, and nothing was removed from there",
            code=Exit.EFFECT,
            fix="remove what Kubernetes left there yourself, then: bootstrap reset --verify --purge",
        )


def _describe_undo(host: HostReader, effect: Restored) -> str:
    shared = effect.entry.name in names.SHARED_TREES
    return shared_trees.describe(host, effect) if shared else describe_removal(host, effect)


def _compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    if entry.name in names.SHARED_TREES:
        shared_trees.compare(host, entry, found)
        return
    now = host.listdir(entry.name)
    if entry.name == names.WORK_DIR:  # may hold the journal until it is forgotten
        now = tuple(name for name in now if f"{entry.name}/{name}" != names.JOURNAL)
    elif entry.before is None and host.stat(entry.name):
        found.left.append(entry.name)
        return
    there = (entry.before or {"entries": ()})["entries"]
    found.left += [f"{entry.name}/{name}" for name in now if name not in there]
    if (entry.before or {}).get("mounted") is False and entry.name in mount_points(host):
        found.left.append(f"{entry.name} is mounted")
    found.others += [f"{entry.name}/{name} is not there any more" for name in there if name not in now]


def _unmount(effect: Unmounted, context: RunContext, timeout: float) -> str:
    targets = mounts_below(context.host, effect)
    for target in targets:
        try:
            context.host.unmount(target)
        except BootstrapError as e:
            raise BootstrapError(
                f"{target} cannot be unmounted, and nothing below {effect.path} was removed",
                code=Exit.EFFECT,
                why=" ".join(e.details) or "a process uses it",
                fix=f"end what uses it (fuser -vm {target}) and run reset again: it goes on where it stopped",
            ) from e
    return f"{len(targets)} mounts below {effect.path} gone" if targets else ""


def mounts_below(host: HostReader, effect: Unmounted) -> list[str]:
    """Mount points of ours, deepest first."""
    path = host.resolve(effect.path)  # the kernel names mount points without links
    kept = tuple(f"{path}/{name}" for name in effect.before or ())
    ours = [p for p in mount_points(host) if _is_at_or_below(p, (path,)) and not _is_at_or_below(p, kept)]
    if effect.before is not None and not effect.itself:
        ours = [p for p in ours if p != path]
    return sorted(ours, key=lambda point: point.count("/"), reverse=True)


def _is_at_or_below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


register(RecordDirectory, apply=_record, describe=lambda effect, host: f"journal of {effect.path}/: {UNCHANGED}")
register(
    Unmounted,
    apply=_unmount,
    describe=lambda effect, host: (
        f"unmount below {effect.path}: {', '.join(mounts_below(host, effect)) or UNCHANGED}"
    ),
)
register_kind(TREE, RecordKind(observe=_observe, undo=_undo, describe=_describe_undo, compare=_compare))
