"""The journal itself as an effect: a thing's state is noted, or put back, whatever its kind."""

from __future__ import annotations

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.records import describe_undo, undo
from bootstrap.engine.run_context import RunContext
from bootstrap.model.effects import RecordState
from bootstrap.model.reset_effects import Restored


def _record(effect: RecordState, context: RunContext, timeout: float) -> str:
    context.journal.note(effect.kind, effect.name)
    return ""


def _restore(effect: Restored, context: RunContext, timeout: float) -> str:
    return undo(context.host, effect)


register(
    RecordState,
    apply=_record,
    describe=lambda effect, host: f"journal of {effect.kind} {effect.name}: {UNCHANGED}",
)
register(Restored, apply=_restore, describe=lambda effect, host: describe_undo(host, effect))
