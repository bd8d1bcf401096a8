"""What Kubernetes leaves in a host's network: links, nftables tables, iptables chains."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.records import Comparison, RecordKind, State, added, register_kind
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.netfilter import KINDS as NETWORK_KINDS
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.effects import RecordNetwork
from bootstrap.model.journal_entry import NETWORK, Entry
from bootstrap.model.reset_effects import Restored

PACKET_FILTERS = ("iptables", "ip6tables")
TABLES = ("ip kube-proxy", "ip6 kube-proxy", "ip flannel-ipv4", "ip6 flannel-ipv6")
CHAINS = ("KUBE-", "FLANNEL-")
"""Prefixes; the kubelet, kube-proxy and flannel use them."""
CNI_CHAINS = "CNI-"
"""The prefix of all CNI plugins, whoever calls them."""
PORT_CHAINS = ("CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ")
"""The portmap plugin's, for the containers of everybody; the first one leads to a chain for each."""
_NETWORK = re.compile(r'\bname: "([^"]+)"')
"""In the comments of the plugins' rules."""


def _record(effect: RecordNetwork, context: RunContext, timeout: float) -> str:
    for name in NETWORK_KINDS:
        context.journal.note(NETWORK, name)
    return ""


def is_ours(kind: str, name: str) -> bool:
    """Whether a link, a table (`family name`) or a chain (`table chain`) is one that only Kubernetes makes."""
    match kind:
        case "links":
            return name in names.POD_LINKS
        case "nftables":
            return name in TABLES
    return name.split()[1].startswith(CHAINS)


def ours_left(host: Host, effect: Restored) -> list[str]:
    entry = effect.entry
    new = added(host, entry)
    of_cni = [name for name in new if entry.name in PACKET_FILTERS and name.split()[1].startswith(CNI_CHAINS)]
    ours = cni_chains(host.run([f"{entry.name}-save"]), effect.networks) if of_cni else ()
    return [name for name in new if is_ours(entry.name, name) or (name in of_cni and name in ours)]


def cni_chains(saved: str, networks: Collection[str]) -> set[str]:
    """Chains (`table chain`) of attachments in these networks, by the rules that lead there.

    The chains that portmap has for all are among them when they lead to no container of others.
    """
    rules = [*_rules(saved)]
    ours = {f"{rule.table} {rule.target}" for rule in rules if rule.target and rule.network in networks}
    for table in {rule.table for rule in rules} | {"nat"}:
        led_to = {f"{table} {r.target}" for r in rules if (r.table, r.chain) == (table, PORT_CHAINS[0]) and r.target}
        if led_to <= ours:
            ours |= {f"{table} {chain}" for chain in PORT_CHAINS}
    return ours


@dataclass(frozen=True)
class _Rule:
    """`words` are what follows `-A`; `target` is a chain or an action, `network` the CNI network in its comment."""

    table: str
    words: tuple[str, ...]

    @property
    def chain(self) -> str:
        return self.words[0]

    @property
    def target(self) -> str:
        return self._after("-j")

    @property
    def network(self) -> str:
        found = _NETWORK.search(self._after("--comment"))
        return found[1] if found else ""

    def _after(self, option: str) -> str:
        return self.words[self.words.index(option) + 1] if option in self.words else ""


def _rules(saved: str) -> Iterator[_Rule]:
    """Of the output of iptables-save."""
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            yield _Rule(table, tuple(shlex.split(line)[1:]))


def _observe(host: HostReader, kind: str) -> State:
    found = host.network(kind)
    return None if found is None else {"names": list(found)}


def _undo(host: Host, effect: Restored) -> str:
    entry = effect.entry
    left = ours_left(host, effect)
    remove(host, entry.name, left)
    return f"{entry.name}: {', '.join(left)} removed" if left else ""


def _describe_undo(host: HostReader, effect: Restored) -> str:
    """Chains of CNI plugins are looked into only when it is done."""
    entry = effect.entry
    left = [name for name in added(host, entry) if is_ours(entry.name, name)]
    return f"remove {entry.name}: {', '.join(left) or UNCHANGED}"


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
    ours = {tuple(name.split()) for name in left}
    if not ours:
        return
    for rule in _rules(host.run([f"{command}-save"])):
        if (rule.table, rule.target) in ours and (rule.table, rule.chain) not in ours:
            host.run([command, "-w", "-t", rule.table, "-D", *rule.words])
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
        describe=_describe_undo,
        compare=_compare,
    ),
)
