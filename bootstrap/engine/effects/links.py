"""Symbolic links; the journal knows them as paths."""

from __future__ import annotations

from bootstrap.engine.effects.files import make_parent
from bootstrap.engine.effects.registry import register, verdict
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import HostReader
from bootstrap.model.effects import Link
from bootstrap.model.journal_entry import PATH


def _drift(host: HostReader, effect: Link) -> str:
    target = host.readlink(effect.path)
    if target == effect.target or (effect.keep and (target is not None or host.stat(effect.path))):
        return ""
    return "missing" if target is None else "target"


def _link(effect: Link, context: RunContext, timeout: float) -> str:
    if not _drift(context.host, effect):
        return ""
    context.journal.note(PATH, effect.path, itself=True)
    make_parent(context.host, effect.path)
    context.host.symlink(effect.target, effect.path)
    return f"{effect.path} linked"


register(
    Link,
    apply=_link,
    describe=lambda effect, host: f"link {effect.path} to {effect.target}: {verdict(_drift(host, effect))}",
)
