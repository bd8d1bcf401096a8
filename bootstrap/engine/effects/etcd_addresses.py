"""Members of an etcd find each other again when the addresses of their machines are others."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bootstrap.engine.effects.registry import register
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host import etcd_peers
from bootstrap.host.port import Host
from bootstrap.joining.etcd_members import (
    Member,
    Redirections,
    member_of,
    moved,
    neighbours,
    next_update,
    redirecting,
    redirections,
)
from bootstrap.model.effects import EtcdAddresses
from bootstrap.model.errors import BootstrapError
from bootstrap.render.addresses import as_ip, split_url

LIMITS = ("--dial-timeout=2s", "--command-timeout=2s")
"""Without a quorum no answer comes at all."""
PATIENCE = 20
"""Looks at what another machine does, before it counts as one that does nothing."""


def _follow(effect: EtcdAddresses, context: RunContext, timeout: float) -> str:
    """Each member sees to its own address, and looks for the others only where there is no quorum without them.

    One that has found another is enough for both: etcd sends what it has to say by whichever connection there is.
    """
    failed = f"etcd's member {effect.name} and the others did not find each other"
    try:
        changed = persist(_Search(effect, context.host).attempt, context, timeout, failed)
    except BootstrapError as e:
        e.fix = "start the machines of the other members, and run the same command again"
        raise
    return f"etcd member {changed} is known by its address" if changed else ""


class _Search:
    """`attempt` returns the names of the members whose URLs it changed; raises NotYet while there is no quorum."""

    def __init__(self, effect: EtcdAddresses, host: Host) -> None:
        self._effect, self._host = effect, host
        self._found: dict[str, str] = {}
        self._redirected: Redirections | None = None
        self._waited = 0

    def attempt(self) -> str:
        own, others = self._known()
        if not others and own.peer_urls == self._effect.peer_urls:
            return ""
        self._look((*(host for member in (own, *others) for host in member.hosts), *self._found.values()))
        if own.peer_urls == self._effect.peer_urls and self._there(others) == others:
            self._redirect({})
            return ""
        if self._redirected:
            self._redirect(redirections(others, self._found))
        if self._effect.searches and len(self._there(others)) * 2 < len(others):
            self._search(others)
        url = self._asked(own, others)
        if (agreed := self._agreed(url)) is None:
            missing = [f"{o.name} at {', '.join(o.hosts)}" for o in others if o not in self._there(others)]
            raise NotYet(f"no quorum{'; not there: ' + ', '.join(missing) if missing else ''}")
        changed = self._update(url, agreed)
        self._redirect({})
        return ", ".join(changed)

    def _known(self) -> tuple[Member, list[Member]]:
        """This machine's member and the others, as its etcd has them; those that never started are nowhere."""
        effect = self._effect
        try:
            said = etcd_peers.known_members(self._host, effect.peer, effect.peer_urls[0])
        except ConnectionError as e:
            raise NotYet(str(e)) from e
        members = list(map(member_of, said))
        own = next((member for member in members if member.name == effect.name), None)
        if own is None:
            raise NotYet(f"{effect.name} is no member of this etcd")
        return own, [member for member in members if member.name and member is not own]

    def _look(self, places: Iterable[str]) -> None:
        """At addresses only: who is nowhere, or known by a name, is not looked for there."""
        _, own, port = split_url(self._effect.peer_urls[0])
        addresses = set(filter(as_ip, places)) - {own}
        answering = etcd_peers.who_answers(self._host, self._effect.peer, addresses, port)
        self._found = {name: address for name, address in answering.items() if name != self._effect.name}

    def _asked(self, own: Member, others: Iterable[Member]) -> str:
        """Where changes are asked for: at this machine's member, but a learner sends us to another one."""
        if own.learner:
            for other in others:
                if other.name in self._found and other.client_urls:
                    return moved(other.client_urls[0], self._found[other.name])
        return self._effect.url

    def _agreed(self, url: str) -> list[Member] | None:
        """The members as a quorum has them, None without one."""
        try:
            shown = self._host.run(
                [*self._effect.etcdctl, *LIMITS, f"--endpoints={url}", "member", "list", "-w", "json"]
            )
            return list(map(member_of, json.loads(shown)["members"]))
        except (BootstrapError, ValueError, KeyError, TypeError):
            return None

    def _update(self, url: str, members: list[Member]) -> list[str]:
        """One machine after the other, or they would be in each other's way; this one also for those that it found."""
        changed: list[str] = []
        urls = self._urls(members)
        first = min((m for m in members if m.name in urls), key=lambda member: int(member.id, 16), default=None)
        if first is None:
            return changed
        if first.name != self._effect.name and self._waited < PATIENCE:
            self._waited += 1
            raise NotYet(f"the machine of {first.name} is about to say where all are")
        while update := next_update(members, urls):
            member, wanted = update
            words = ("member", "update", member.id, f"--peer-urls={','.join(wanted)}")
            try:
                self._host.run([*self._effect.etcdctl, *LIMITS, f"--endpoints={url}", *words])
            except BootstrapError as e:  # another machine was faster, or the leader has just changed
                raise NotYet(e.details[-1] if e.details else e.what) from e
            changed.append(member.name)
            if (again := self._agreed(url)) is None:
                raise NotYet("its quorum is lost again")
            members = again
            if self._redirected:
                self._redirect(redirections(members, self._found))
        return list(dict.fromkeys(filter(None, changed)))

    def _urls(self, members: Iterable[Member]) -> dict[str, tuple[str, ...]]:
        """Name → URLs of those that etcd has to be told of; empty where this machine's are right."""
        urls: dict[str, tuple[str, ...]] = {
            m.name: (moved(m.peer_urls[0], self._found[m.name]),)
            for m in members
            if self._found.get(m.name, m.hosts[0]) not in m.hosts
        }
        urls[self._effect.name] = self._effect.peer_urls
        wrong = {m.name: urls[m.name] for m in members if m.name in urls and urls[m.name] != m.peer_urls}
        return wrong if self._effect.name in wrong else {}

    def _there(self, others: Iterable[Member]) -> list[Member]:
        """Those that are where this machine's etcd looks for them."""
        return [other for other in others if self._found.get(other.name) in other.hosts]

    def _search(self, others: list[Member]) -> None:
        """Connections to those that are found lead to where they are from now on."""
        for places in (lambda: neighbours(split_url(self._effect.peer_urls[0])[1]), lambda: self._resolved(others)):
            if any(other.name not in self._found for other in others):
                self._look((*self._found.values(), *places()))
        self._redirect(redirections(others, self._found))

    def _resolved(self, members: Iterable[Member]) -> list[str]:
        """On a network that the user made, Docker's DNS knows containers by their names."""
        found = []
        for member in members:
            try:
                shown = self._host.run(["getent", "ahosts", member.name], 2, here=True)
            except BootstrapError:
                continue
            found += [line.split()[0] for line in shown.splitlines()]
        return found

    def _redirect(self, wanted: Redirections) -> None:
        """To these and no others, also after a run that was killed."""
        if self._effect.searches and wanted != self._redirected:
            self._redirected = wanted
            self._host.run(["nft", redirecting(wanted)])


register(
    EtcdAddresses,
    apply=_follow,
    describe=lambda effect, host: f"etcd member {effect.name}: known by {', '.join(effect.peer_urls)}",
)
