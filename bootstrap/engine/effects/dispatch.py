"""The one way to apply an effect; the modules beside this one register theirs."""

from __future__ import annotations

from functools import singledispatch

from bootstrap.engine.run_context import RunContext
from bootstrap.model.effects import Effect


@singledispatch
def apply_effect(effect: Effect, context: RunContext, timeout: float) -> str:
    """Returns what changed (`/etc/… written`), or an empty string when nothing had to."""
    raise TypeError(f"no way to apply {effect!r}")
