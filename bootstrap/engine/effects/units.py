"""systemd's units."""

from __future__ import annotations

from bootstrap.engine.effects.registry import UNCHANGED, describe_restored, register, verdict
from bootstrap.engine.records import Comparison, RecordKind, State, is_as_before, register_kind
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host, HostReader, UnitState
from bootstrap.model.effects import UnitRunning, UnitStopped
from bootstrap.model.journal_entry import UNIT, Entry
from bootstrap.model.reset_effects import Restored, UnitsReloaded


def _drift(host: HostReader, effect: UnitRunning) -> str:
    """`stopped`, `disabled`, `older than FILE` (it runs with content that was replaced since), or empty."""
    state = host.unit(effect.name)
    if not state.active:
        return "stopped"
    if newer := _newer(host, effect, state):
        return f"older than {newer}"
    return "disabled" if effect.enabled and not state.enabled else ""


def _newer(host: HostReader, effect: UnitRunning, state: UnitState) -> str:
    """A file that it uses, and that was replaced since it was started."""
    for path in effect.uses:
        stat = host.stat(path)
        if stat and stat.mtime > state.started:
            return path
    return ""


def _run(effect: UnitRunning, context: RunContext, timeout: float) -> str:
    difference = _drift(context.host, effect)
    if not difference:
        return ""
    state = context.host.unit(effect.name)
    stale = state.active and bool(_newer(context.host, effect, state))
    context.journal.note(UNIT, effect.name)
    context.host.start_unit(effect.name, enable=effect.enabled, restart=stale)
    return f"{effect.name}: {difference}, now running"


def _is_stopped(host: HostReader, effect: UnitStopped) -> bool:
    state = host.unit(effect.name)
    return not (state.active or state.enabled)


def _stop(effect: UnitStopped, context: RunContext, timeout: float) -> str:
    if _is_stopped(context.host, effect):
        return ""
    context.journal.note(UNIT, effect.name)
    context.host.stop_unit(effect.name, disable=True)
    return f"{effect.name} stopped"


def _reload(effect: UnitsReloaded, context: RunContext, timeout: float) -> str:
    context.host.run(["systemctl", "daemon-reload"])
    if failed := [name for name in effect.units if context.host.unit(name).sub_state == "failed"]:
        context.host.run(["systemctl", "reset-failed", *failed])
    return ""


def _observe(host: HostReader, name: str) -> State:
    state = host.unit(name)
    return {"active": state.active, "enabled": state.enabled}


def _undo(host: Host, effect: Restored) -> str:
    """One that ran before us runs with our files now: it has to end, and is started again with its own."""
    entry = effect.entry
    if is_as_before(host, entry) and not host.unit(entry.name).active:
        return ""
    host.stop_unit(entry.name, disable=not (entry.before or {}).get("enabled"))
    return f"{entry.name} as before"


def _compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    if not is_as_before(host, entry):
        found.left.append(f"unit {entry.name} is not as it was")


register(UnitRunning, apply=_run, describe=lambda effect, host: f"unit {effect.name}: {verdict(_drift(host, effect))}")
register(
    UnitStopped,
    apply=_stop,
    describe=lambda effect, host: f"unit {effect.name}: {UNCHANGED if _is_stopped(host, effect) else 'stop'}",
)
register(UnitsReloaded, apply=_reload, describe=lambda effect, host: f"systemctl daemon-reload: {UNCHANGED}")
register_kind(UNIT, RecordKind(observe=_observe, undo=_undo, describe=describe_restored, compare=_compare))
