"""The kernel's modules and parameters."""

from __future__ import annotations

from bootstrap.engine.effects.registry import describe_restored, register, verdict
from bootstrap.engine.records import Comparison, RecordKind, State, is_as_before, register_kind
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host, HostReader
from bootstrap.model.effects import KernelModule, Sysctl
from bootstrap.model.journal_entry import MODULE, SYSCTL, Entry
from bootstrap.model.reset_effects import Restored


def _module_drift(host: HostReader, effect: KernelModule) -> str:
    return "" if host.stat(effect.sign) else "not loaded"


def _load_module(effect: KernelModule, context: RunContext, timeout: float) -> str:
    if not _module_drift(context.host, effect):
        return ""
    context.journal.note(MODULE, effect.name)
    context.host.run(["modprobe", effect.name])
    return f"module {effect.name} loaded"


def _sysctl_drift(host: HostReader, effect: Sysctl) -> str:
    value = (host.read(effect.path) or b"").decode().strip()
    return "" if value == effect.value else f"is {value or 'missing'}"


def _set_sysctl(effect: Sysctl, context: RunContext, timeout: float) -> str:
    if not _sysctl_drift(context.host, effect):
        return ""
    context.journal.note(SYSCTL, effect.key)
    context.host.set_sysctl(effect.key, effect.value)
    return f"{effect.key} = {effect.value}"


def _module(host: HostReader, name: str) -> State:
    return {} if host.stat(f"/sys/module/{name}") else None


def _keep_module(host: Host, effect: Restored) -> str:
    """Others may use it by now."""
    return ""


def _compare_module(host: HostReader, entry: Entry, found: Comparison) -> None:
    if not is_as_before(host, entry):
        found.others.append(f"module {entry.name} stays loaded: others may use it by now")


def _sysctl(host: HostReader, key: str) -> State:
    value = host.read("/proc/sys/" + key.replace(".", "/"))
    return None if value is None else {"value": value.decode().strip()}


def _restore_sysctl(host: Host, effect: Restored) -> str:
    entry = effect.entry
    if not entry.before or is_as_before(host, entry):  # without a value it came with a module, which stays
        return ""
    host.set_sysctl(entry.name, entry.before["value"])
    return f"{entry.name} as before"


def _compare_sysctl(host: HostReader, entry: Entry, found: Comparison) -> None:
    if entry.before is not None and not is_as_before(host, entry):
        found.left.append(f"sysctl {entry.name} is not as it was")


register(
    KernelModule,
    apply=_load_module,
    describe=lambda effect, host: f"module {effect.name}: {verdict(_module_drift(host, effect))}",
)
register(
    Sysctl,
    apply=_set_sysctl,
    describe=lambda effect, host: f"sysctl {effect.key} = {effect.value}: {verdict(_sysctl_drift(host, effect))}",
)
register_kind(
    MODULE, RecordKind(observe=_module, undo=_keep_module, describe=describe_restored, compare=_compare_module)
)
register_kind(
    SYSCTL, RecordKind(observe=_sysctl, undo=_restore_sysctl, describe=describe_restored, compare=_compare_sysctl)
)
