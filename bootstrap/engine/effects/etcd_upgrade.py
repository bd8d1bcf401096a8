"""etcd on its way to another version, and back."""

from __future__ import annotations

from datetime import UTC, datetime

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.etcd_snapshot import save
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host import etcd
from bootstrap.model.errors import BootstrapError
from bootstrap.model.upgrade_effects import EtcdDowngraded, EtcdSnapshotTaken


def _take(effect: EtcdSnapshotTaken, context: RunContext, timeout: float) -> str:
    if context.host.stat(effect.path):
        return ""
    made = save(context.host, effect.path, datetime.now(UTC))
    return f"{effect.path}: revision {made.revision}"


def _downgrade(effect: EtcdDowngraded, context: RunContext, timeout: float) -> str:
    """etcd itself rewrites what an older one would not read; it says when it is done."""
    host = context.host
    member = etcd.own_member(host)
    try:
        if etcd.storage_minor(host, member) in ("", effect.minor):
            return ""
        etcd.ask(host, member, "downgrade", "enable", effect.minor)
    except BootstrapError:
        return ""

    def look() -> None:
        if (found := etcd.storage_minor(host, member)) != effect.minor:
            raise NotYet(f"its data is of {found}")

    persist(look, context, timeout, f"etcd's data did not become that of {effect.minor}")
    return f"etcd's data is of {effect.minor}"


register(
    EtcdSnapshotTaken,
    apply=_take,
    describe=lambda effect, host: f"snapshot {effect.path}: {UNCHANGED if host.stat(effect.path) else 'new'}",
)
register(EtcdDowngraded, apply=_downgrade, describe=lambda effect, host: f"etcd's data: readable by {effect.minor}")
