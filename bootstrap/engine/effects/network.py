"""What Kubernetes leaves in a host's network: links, nftables tables, iptables chains."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.records import Comparison, RecordKind, State, added, register_kind
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.netfilter import KINDS as NETWORK_KINDS
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.effects import RecordNetwork, Restored
from bootstrap.model.journal_entry import NETWORK, Entry

TABLES = ("ip kube-proxy", "ip6 kube-proxy", "ip flannel-ipv4", "ip6 flannel-ipv6")
CHAINS = ("KUBE-", "CNI-", "FLANNEL-")
"""Prefixes; the kubelet, kube-proxy, the portmap plugin and flannel use them."""


def _record(effect: RecordNetwork, context: RunContext, timeout: float) -> str:
    for name in NETWORK_KINDS:
        context.journal.note(NETWORK, name)
    return ""


def is_ours(kind: str, name: str) -> bool:
    """Whether a link, a table (`family name`) or a chain (`table chain`) is one that Kubernetes makes."""
    match kind:
        case "links":
            return name in names.POD_LINKS
        case "nftables":
            return name in TABLES
    return name.split()[1].startswith(CHAINS)


def ours_left(host: HostReader, entry: Entry) -> list[str]:
    return [name for name in added(host, entry) if is_ours(entry.name, name)]


def _observe(host: HostReader, kind: str) -> State:
    found = host.network(kind)
    return None if found is None else {"names": list(found)}


def _undo(host: Host, effect: Restored) -> str:
    entry = effect.entry
    left = ours_left(host, entry)
    remove(host, entry.name, left)
    return f"{entry.name}: {', '.join(left)} removed" if left else ""


def _compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    for name in added(host, entry):
        line = f"{entry.name}: {name}"
        (found.left if is_ours(entry.name, name) else found.others).append(line)


def remove(host: Host, kind: str, left: Sequence[str]) -> None:
    """Remove links, tables or chains."""
    match kind:
        case "links":
            for link in left:
                host.run(["ip", "link", "delete", link], here=True)
        case "nftables":
            for table in left:
                host.run(["nft", "delete", "table", *table.split()], here=True)
        case _:
            _remove_chains(host, kind, left)


def _remove_chains(host: Host, command: str, left: Sequence[str]) -> None:
    """First the rules of others' chains that jump to ours, then what is in ours, then they themselves."""
    table, ours = "", {tuple(name.split()) for name in left}
    if not ours:
        return
    for line in host.run([f"{command}-save"]).splitlines():
        if line.startswith("*"):
            table = line[1:]
        if not line.startswith("-A "):
            continue
        words = shlex.split(line)
        target = words[words.index("-j") + 1] if "-j" in words else ""
        if (table, target) in ours and (table, words[1]) not in ours:
            host.run([command, "-w", "-t", table, "-D", *words[1:]])
    for verb in ("-F", "-X"):
        for table, chain in sorted(ours):
            host.run([command, "-w", "-t", table, verb, chain])


register(
    RecordNetwork, apply=_record, describe=lambda effect, host: f"journal of links and packet filters: {UNCHANGED}"
)
register_kind(
    NETWORK,
    RecordKind(
        observe=_observe,
        undo=_undo,
        describe=lambda host, effect: (
            f"remove {effect.entry.name}: {', '.join(ours_left(host, effect.entry)) or UNCHANGED}"
        ),
        compare=_compare,
    ),
)
