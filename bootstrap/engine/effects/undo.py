"""The effects of `reset`: each is compared with what is there, so that running it twice changes nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_fixed

from bootstrap.engine import images, network
from bootstrap.engine.effects.dispatch import apply_effect
from bootstrap.engine.observe import before, mount_points
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host, HostReader
from bootstrap.host.runtime.cri import crictl
from bootstrap.model.effects import (
    ContainersGone,
    ImagesGone,
    NetworkRestored,
    Restored,
    UnitsReloaded,
    Unmounted,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import UNANSWERED
from bootstrap.model.journal_entry import MODULE, PATH, SYSCTL, TREE, UNIT, Entry

CRI_TIMEOUT = 60.0
"""Seconds. crictl's own 2 s end a removal midway on a busy machine, and the runtime's CNI plugin with it."""
TRIES = 5
"""As kubeadm has it for removing containers (constants.RemoveContainerRetry)."""
SLICE = "kubepods.slice"
"""The kubelet's cgroup for all Pods, as systemd knows it."""


@apply_effect.register
def _(effect: Restored, context: RunContext, timeout: float) -> str:
    host, entry = context.host, effect.entry
    if entry.kind == MODULE or (entry.kind == SYSCTL and not entry.before):  # came with a module, which stays
        return ""
    if entry.kind == PATH:
        host.tidy(entry.name)
    if before(host, entry.kind, entry.name) == entry.before and not _runs(host, entry):
        return ""
    if entry.kind == PATH:
        _restore_path(host, entry)
    elif entry.kind == TREE:
        _restore_tree(host, entry, effect.keep)
    elif entry.kind == UNIT:
        host.stop_unit(entry.name, disable=not (entry.before or {}).get("enabled"))
    elif entry.kind == SYSCTL and entry.before:
        host.set_sysctl(entry.name, entry.before["value"])
    return f"{entry.name} as before"


def _runs(host: HostReader, entry: Entry) -> bool:
    """A unit that ran before us runs with our files now: it has to end, and is started again with its own."""
    return entry.kind == UNIT and host.unit(entry.name).active


def _restore_path(host: Host, entry: Entry) -> None:
    state: Mapping[str, Any] = entry.before or {}
    if state.get("type") == "file" and host.readlink(entry.name) is not None:
        host.remove(entry.name)  # or the file that it leads to would be written
    match state.get("type"):
        case "file":
            content = base64.b64decode(state["content"])
            host.write(entry.name, content, state["mode"], (state["uid"], state["gid"]))
        case "link":
            host.symlink(state["target"], entry.name)
        case "dir":
            host.mkdir(entry.name, state["mode"])
        case None:
            _remove_path(host, entry.name)


def _remove_path(host: Host, path: str) -> None:
    """A directory that we made goes when nothing of others is in it."""
    stat = host.stat(path)
    if stat and stat.is_dir and host.readlink(path) is None:
        host.remove_empty(path)
    else:
        host.remove(path)


def _restore_tree(host: Host, entry: Entry, keep: tuple[str, ...]) -> None:
    if entry.before is None and not keep:
        host.remove_tree(entry.name)
        return
    kept = {*keep, *(entry.before or {"entries": ()})["entries"]}
    for name in host.listdir(entry.name):
        if name not in kept:
            host.remove_tree(f"{entry.name}/{name}")


@apply_effect.register
def _(effect: ContainersGone, context: RunContext, timeout: float) -> str:
    """Through the runtime; when it does not answer, its processes are ended with their control groups.

    A Pod that was being made when the kubelet ended comes after the list, and cancels the end of their slice: hence
    every try begins with the list.
    """
    host = context.host
    if effect.unit and not host.unit(effect.unit).active:
        return ""
    ask, removed = _patient(effect.socket), list[str]()

    def remove() -> None:
        for pod in host.run([*ask, "pods", "--quiet"], timeout=CRI_TIMEOUT, here=True).split():
            host.run([*ask, "rmp", "--force", pod], timeout=CRI_TIMEOUT, here=True)
            removed.append(pod)
        host.stop_unit(SLICE, disable=False)

    stop = stop_after_attempt(TRIES) | stop_after_delay(CRI_TIMEOUT)
    again = Retrying(stop=stop, wait=wait_fixed(1), retry=retry_if_exception_type(BootstrapError), reraise=True)
    try:
        again(remove)
    except BootstrapError as e:
        if _late(e):
            raise
        if not effect.unit:
            return f"{effect.socket} {UNANSWERED}: its Pods were left alone"
        host.stop_unit(SLICE, disable=False)
        host.run(["systemctl", "kill", "--signal=KILL", effect.unit])
        return f"{effect.unit} {UNANSWERED}: its containers were killed"
    return f"{len(removed)} Pods removed" if removed else ""


def _patient(socket: str) -> tuple[str, ...]:
    return (*crictl(socket), f"--timeout={CRI_TIMEOUT:.0f}s")


def _late(error: BootstrapError) -> bool:
    """Whether a Pod came late, again and again."""
    return any("canceled" in line for line in error.details)


@apply_effect.register
def _(effect: ImagesGone, context: RunContext, timeout: float) -> str:
    host, socket = context.host, effect.entry.name
    left = images.ours_left(host, effect.entry)
    for name in left:
        if name in (host.images(socket) or ()):  # an image goes with all its names
            host.run([*_patient(socket), "rmi", name], timeout=CRI_TIMEOUT, here=True)
    return f"{len(left)} images removed from {socket}" if left else ""


@apply_effect.register
def _(effect: Unmounted, context: RunContext, timeout: float) -> str:
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


@apply_effect.register
def _(effect: UnitsReloaded, context: RunContext, timeout: float) -> str:
    context.host.run(["systemctl", "daemon-reload"])
    context.host.run(["systemctl", "reset-failed"])
    return ""


@apply_effect.register
def _(effect: NetworkRestored, context: RunContext, timeout: float) -> str:
    left = network.ours_left(context.host, effect.entry)
    network.remove(context.host, effect.entry.name, left)
    return f"{effect.entry.name}: {', '.join(left)} removed" if left else ""
