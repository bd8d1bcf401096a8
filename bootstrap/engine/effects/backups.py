"""What an upgrade is about to replace is kept, and put back."""

from __future__ import annotations

import dataclasses

from bootstrap.engine.effects.files import drift, install_drift, make_parent
from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.backup import NOTE, Backup, read_backup
from bootstrap.model.effects import BackedUp, File
from bootstrap.model.journal_entry import PATH
from bootstrap.model.upgrade_effects import BackupMarked, FilesRestored


def backups(host: HostReader) -> tuple[Backup, ...]:
    """Those that are whole, the newest first."""
    paths = (f"{names.BACKUPS_DIR}/{name}/{NOTE}" for name in reversed(host.listdir(names.BACKUPS_DIR)))
    return tuple(found for path in paths if (found := read_backup(host.read(path) or b"")))


def _back_up(effect: BackedUp, context: RunContext, timeout: float) -> str:
    host, backup = context.host, effect.backup
    if host.stat(backup.note):
        return ""
    host.mkdir(names.BACKUPS_DIR, 0o700)
    host.mkdir(backup.directory, 0o700)
    files: dict[str, int | None] = {}
    owners: dict[str, tuple[int, int]] = {}
    for path in _changed(host, effect):
        there = host.stat(path)
        files[path] = there.mode if there else None
        if there:
            if (there.uid, there.gid) != (0, 0):
                owners[path] = there.uid, there.gid
            copy = backup.copy_of(path)
            make_parent(host, copy)
            host.install(host.reach(path), copy, 0o600)
    host.write(backup.note, dataclasses.replace(backup, files=files, owners=owners).to_json(), 0o600)
    return f"{len(files)} files kept in {backup.directory}"


def _changed(host: HostReader, effect: BackedUp) -> list[str]:
    return [e.path for e in effect.changes if (drift(host, e) if isinstance(e, File) else install_drift(host, e))]


def _mark(effect: BackupMarked, context: RunContext, timeout: float) -> str:
    host, there = context.host, context.host.read(effect.backup.note) or b""
    found = read_backup(there)
    wanted = found.to_json(effect.state) if found else there
    if found and wanted != there:
        host.write(found.note, wanted, 0o600)
    kept = {backup.name for backup in backups(host)[: names.BACKUPS_KEPT]}
    for name in host.listdir(names.BACKUPS_DIR):
        if name not in kept:
            host.remove_tree(f"{names.BACKUPS_DIR}/{name}")
    return f"{effect.backup.directory}: {effect.state}" if wanted != there else ""


def _restored(host: HostReader, effect: FilesRestored) -> list[str]:
    """Paths that are not as the backup has them."""
    return [path for path in effect.paths if host.digest(path) != host.digest(effect.backup.copy_of(path))]


def _restore(effect: FilesRestored, context: RunContext, timeout: float) -> str:
    host, changed = context.host, _restored(context.host, effect)
    for path in changed:
        _put_back(host, effect.backup, path, context)
    return f"{len(changed)} files as before" if changed else ""


def _put_back(host: Host, backup: Backup, path: str, context: RunContext) -> None:
    context.journal.note(PATH, path)
    mode, copy = backup.files[path], backup.copy_of(path)
    if mode is None:
        host.remove(path)
    elif path in backup.owners:
        uid, gid = backup.owners[path]
        host.write(path, host.read(copy) or b"", mode, (uid, gid))
    else:
        host.install(host.reach(copy), path, mode)


register(
    BackedUp,
    apply=_back_up,
    describe=lambda effect, host: (
        f"backup {effect.backup.directory}: {UNCHANGED if host.stat(effect.backup.note) else 'new'}"
    ),
)
register(BackupMarked, apply=_mark, describe=lambda effect, host: f"backup {effect.backup.name}: {effect.state}")
register(
    FilesRestored,
    apply=_restore,
    describe=lambda effect, host: f"put back: {', '.join(_restored(host, effect)) or UNCHANGED}",
)
