"""Names of what is in a host's network: links, nftables tables, iptables chains, addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from bootstrap.model.errors import BootstrapError


class Runner(Protocol):
    """The part of `Host.run` that is needed here."""

    def __call__(self, argv: list[str], *, here: bool = False) -> str: ...


def network_names(run: Runner, kind: str) -> tuple[str, ...] | None:
    """Sorted names of a kind of `KINDS`, or addresses; None when the host has no tool for it, hence nothing of ours."""
    try:
        return tuple(sorted(_addresses(run) if kind == ADDRESSES else KINDS[kind](run)))
    except BootstrapError:
        return None


def _links(run: Runner) -> list[str]:
    return [link["ifname"] for link in json.loads(run(["ip", "-j", "link", "show"], here=True))]


def _addresses(run: Runner) -> list[str]:
    """`interface address/prefix`."""
    links = json.loads(run(["ip", "-j", "address", "show"], here=True))
    return [f"{link['ifname']} {a['local']}/{a['prefixlen']}" for link in links for a in link["addr_info"]]


def _tables(run: Runner) -> list[str]:
    """`family name` of each table that has a rule: iptables leaves empty ones wherever it has looked."""
    found = json.loads(run(["nft", "-j", "list", "ruleset"], here=True))["nftables"]
    return list({f"{item['rule']['family']} {item['rule']['table']}" for item in found if "rule" in item})


def _chains(run: Runner, command: str) -> list[str]:
    """`table chain`, as the host's own flavour of iptables knows them; not the built-in ones, which have a policy."""
    found, table = [], ""
    for line in run([f"{command}-save"]).splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":") and line.split()[1] == "-":
            found.append(f"{table} {line[1:].split()[0]}")
    return found


ADDRESSES = "addresses"
KINDS: Mapping[str, Callable[[Runner], list[str]]] = {
    "links": _links,
    "nftables": _tables,
    "iptables": partial(_chains, command="iptables"),
    "ip6tables": partial(_chains, command="ip6tables"),
}
"""What the journal notes of every machine."""
