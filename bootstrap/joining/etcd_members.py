"""Members of an etcd whose machines have other addresses by now: who is where, and what follows from it.

An address is a hint only. Who answers there is said by the certificate, whose name is the member's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from bootstrap.model import names
from bootstrap.render.addresses import as_ip, is_ipv6, split_url, url_host

NEIGHBOURS = 32
"""How many addresses are beside one's own, to either side: Docker gives them one after the other."""
NOWHERE = "invalid"
"""The top-level domain that leads nowhere (RFC 6761)."""
TABLE = "inet bootstrap-etcd"
"""Of nftables, in a node container's own network; without a rule when all members are known by where they are."""
MARK = 0x626F0000
"""Of packets that go where they are sent all the same: of whoever asks who is there."""
Redirections = Mapping[tuple[str, int], str]
"""Address and port where a member is looked for → the address where it is."""


@dataclass(frozen=True)
class Member:
    """`name` is empty until it has started once."""

    id: str
    name: str
    peer_urls: tuple[str, ...]
    learner: bool = False
    client_urls: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where the others look for it."""
        return tuple(split_url(url)[1] for url in self.peer_urls)


def member_of(said: Mapping[str, Any]) -> Member:
    """As `etcdctl member list` has it, and an etcd's own list for its peers."""
    return Member(
        f"{said.get('ID') or said['id']:x}",
        said.get("name", ""),
        tuple(said.get("peerURLs", ())),
        bool(said.get("isLearner")),
        tuple(said.get("clientURLs", ())),
    )


def moved(url: str, address: str) -> str:
    """The same URL at another address."""
    scheme, _, port = split_url(url)
    return f"{scheme}://{url_host(address)}:{port}"


def next_update(
    members: Iterable[Member], urls: Mapping[str, tuple[str, ...]]
) -> tuple[Member, tuple[str, ...]] | None:
    """The next member that gets other URLs; `urls` is name → those where it is, of everyone that was found.

    No two may have the same at any time. Whoever still has one that is another's by now, and cannot be given its own
    (it is not found, or addresses went round in a circle), is nowhere first.
    """
    members = tuple(members)
    holders = {url: member for member in members for url in member.peer_urls}
    wrong = [m for m in members if m.name and urls.get(m.name, m.peer_urls) != m.peer_urls]
    in_the_way = {m.name: [h for url in urls[m.name] if (h := holders.get(url, m)) is not m] for m in wrong}
    for member in wrong:
        if not in_the_way[member.name]:
            return member, urls[member.name]
    for member in wrong:
        holder = in_the_way[member.name][0]
        return holder, (f"https://{holder.id}.{NOWHERE}:{names.ETCD_PEER_PORT}",)
    return None


def redirections(members: Iterable[Member], found: Mapping[str, str]) -> Redirections:
    """`found` is name → address; nothing for who is where it is looked for."""
    wanted = {}
    for member in members:
        for url in member.peer_urls[:1]:
            _, host, port = split_url(url)
            place = found.get(member.name, host)
            if place != host and as_ip(host):
                wanted[host, port] = place
    return wanted


def redirecting(wanted: Redirections) -> str:
    """What nft does to have these and no others.

    The chain stays: with the last one of its kind every connection that was led would lose its way, and hang.
    """
    rules = (
        f"{(family := 'ip6' if is_ipv6(host) else 'ip')} daddr {host} tcp dport {port} dnat {family} to {place}\n"
        for (host, port), place in wanted.items()
    )
    hook = f"type nat hook output priority -100\nmeta mark {MARK:#x} accept\n"
    chain = f"table {TABLE} {{\nchain output {{\n{hook}{''.join(rules)}}}\n}}\n"
    return f"add table {TABLE}\nflush table {TABLE}\n{chain if wanted else ''}"


def neighbours(address: str) -> tuple[str, ...]:
    """The addresses beside one's own."""
    own = ip_address(address)
    limit = 2**own.max_prefixlen
    near = range(max(1, int(own) - NEIGHBOURS), min(limit, int(own) + NEIGHBOURS + 1))
    return tuple(str(type(own)(number)) for number in near if number != int(own))
