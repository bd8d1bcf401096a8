"""An address that a Pod of ours puts on an interface of the machine, and cannot take away when it is killed."""

from __future__ import annotations

from bootstrap.engine.effects.registry import UNCHANGED
from bootstrap.engine.records import Comparison, RecordKind, State, added, register_kind
from bootstrap.host.facts.netfilter import ADDRESSES
from bootstrap.host.port import Host, HostReader
from bootstrap.model.journal_entry import ADDRESS, Entry
from bootstrap.model.reset_effects import Restored


def _observe(host: HostReader, address: str) -> State:
    """Where it is: `interface address/prefix`."""
    found = [name for name in host.network(ADDRESSES) or () if name.split()[1].partition("/")[0] == address]
    return {"names": found} if found else None


def _undo(host: Host, effect: Restored) -> str:
    left = added(host, effect.entry)
    for name in left:
        interface, address = name.split()
        host.run(["ip", "address", "delete", address, "dev", interface], here=True)
    return f"{', '.join(left)} removed" if left else ""


def _describe(host: HostReader, effect: Restored) -> str:
    return f"remove address: {', '.join(added(host, effect.entry)) or UNCHANGED}"


def _compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    found.left.extend(f"address: {name}" for name in added(host, entry))


register_kind(ADDRESS, RecordKind(observe=_observe, undo=_undo, describe=_describe, compare=_compare))
