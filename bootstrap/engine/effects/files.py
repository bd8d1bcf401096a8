"""Files and directories, written by us or copied out of our image; and how the journal knows any path."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from bootstrap.engine.effects.registry import UNCHANGED, Lines, Objects, changed_lines, register, verdict
from bootstrap.engine.records import Comparison, RecordKind, State, is_as_before, register_kind
from bootstrap.engine.run_context import RunContext
from bootstrap.host.images.seed_copy import file_digest
from bootstrap.host.port import Host, HostReader
from bootstrap.model.effects import Directory, File, FileGone, Install
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import PATH, Entry
from bootstrap.model.reset_effects import Restored


def make_parent(host: Host, path: str) -> None:
    parent = path.rsplit("/", 1)[0]
    if host.stat(parent) is None:
        host.mkdir(parent, 0o755)


def drift(host: HostReader, effect: File) -> str:
    """Why a file needs writing: `missing`, `content`, `mode`, or empty when it is right already."""
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    if not effect.once and host.read(effect.path) != effect.content:
        return "content"
    return "" if stat.mode == effect.mode else "mode"


def write(effect: File, context: RunContext, timeout: float) -> str:
    difference = drift(context.host, effect)
    if not difference:
        return ""
    content = effect.content
    if difference == "mode":
        content = context.host.read(effect.path) or b""
    context.journal.note(PATH, effect.path)
    make_parent(context.host, effect.path)
    found = context.host.stat(effect.path) if effect.keeps_owner else None
    context.host.write(effect.path, content, effect.mode, (found.uid, found.gid) if found else (0, 0))
    return f"{effect.path} written"


def _take_away(effect: FileGone, context: RunContext, timeout: float) -> str:
    if context.host.stat(effect.path) is None:
        return ""
    context.journal.note(PATH, effect.path)
    context.host.remove(effect.path)
    return f"{effect.path} removed"


def diff_of_file(effect: File, host: HostReader, objects: Objects) -> Lines:
    if effect.secret or drift(host, effect) not in ("missing", "content"):
        return ()
    return changed_lines(host.read(effect.path) or b"", effect.content)


def _directory_drift(host: HostReader, effect: Directory) -> str:
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    return "" if stat.mode == effect.mode else "mode"


def _make_directory(effect: Directory, context: RunContext, timeout: float) -> str:
    if not _directory_drift(context.host, effect):
        return ""
    context.journal.note(PATH, effect.path)
    context.host.mkdir(effect.path, effect.mode)
    return f"{effect.path}/ made"


def install_drift(host: HostReader, effect: Install) -> str:
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    if host.digest(effect.path) != file_digest(effect.source):
        return "content"
    return "" if stat.mode == effect.mode else "mode"


def _install(effect: Install, context: RunContext, timeout: float) -> str:
    if not install_drift(context.host, effect):
        return ""
    context.journal.note(PATH, effect.path)
    make_parent(context.host, effect.path)
    context.host.install(effect.source, effect.path, effect.mode)
    if context.host.digest(effect.path) != file_digest(effect.source):
        raise BootstrapError(
            f"{effect.path} is not what was written to it",
            code=Exit.EFFECT,
            why="its sha256 differs from that of the file in the image: the disk or its file system is damaged",
            fix="look at the kernel's messages: dmesg",
        )
    return f"{effect.path} installed"


def _observe(host: HostReader, path: str) -> State:
    if (target := host.readlink(path)) is not None:
        return {"type": "link", "target": target}
    stat = host.stat(path)
    if stat is None:
        return None
    state = {"type": "dir" if stat.is_dir else "file", "mode": stat.mode, "uid": stat.uid, "gid": stat.gid}
    if stat.is_dir:
        return state
    return state | {"content": base64.b64encode(host.read(path) or b"").decode()}


def _undo(host: Host, effect: Restored) -> str:
    entry = effect.entry
    host.tidy(entry.name)
    if is_as_before(host, entry):
        return ""
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
            _remove(host, entry.name)
    return f"{entry.name} as before"


def _remove(host: Host, path: str) -> None:
    """A directory that we made goes when nothing of others is in it."""
    stat = host.stat(path)
    if stat and stat.is_dir and host.readlink(path) is None:
        host.remove_empty(path)
    else:
        host.remove(path)


def describe_removal(host: HostReader, effect: Restored) -> str:
    entry = effect.entry
    if is_as_before(host, entry):
        return f"{entry.kind} {entry.name}: {UNCHANGED}"
    return f"{'remove' if entry.before is None else 'restore'} {entry.name}"


def _compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    now = _observe(host, entry.name)
    if now == entry.before:
        return
    if entry.before is None and now and now["type"] == "dir" and host.listdir(entry.name):
        found.others.append(f"{entry.name} was made by us and holds files of others by now")
    else:
        found.left.append(entry.name)


register(
    File,
    apply=write,
    describe=lambda effect, host: f"file {effect.shown}: {verdict(drift(host, effect))}",
    diff=diff_of_file,
)
register(
    FileGone,
    apply=_take_away,
    describe=lambda effect, host: f"file {effect.path}: {'remove' if host.stat(effect.path) else UNCHANGED}",
)
register(
    Directory,
    apply=_make_directory,
    describe=lambda effect, host: (
        f"directory {effect.path} ({effect.mode:04o}): {verdict(_directory_drift(host, effect))}"
    ),
)
register(
    Install,
    apply=_install,
    describe=lambda effect, host: (f"file {effect.path}: {verdict(install_drift(host, effect))}"),
)
register_kind(PATH, RecordKind(observe=_observe, undo=_undo, describe=describe_removal, compare=_compare))
