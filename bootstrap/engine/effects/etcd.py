"""The members of an etcd: what one is known by, and that it leaves the others before its data goes."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from tenacity import retry_if_exception

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.polling import RETRY_SECONDS, retried
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import HostReader
from bootstrap.model.effects import EtcdPeerUrl
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Unanswered
from bootstrap.model.reset_effects import EtcdMemberGone
from bootstrap.render.controlplane.static_pods import manifest_path

LIMITS = ("--dial-timeout=2s", "--command-timeout=10s")
"""kubeadm dials for 2 s too (util/etcd: etcdTimeout), and tries for two minutes; an etcd that lives answers at once."""

SETTLED = 20.0
"""Seconds. Within five of a change of its members etcd refuses the next one (its HealthInterval), and after a start."""


def _update_peer_url(effect: EtcdPeerUrl, context: RunContext, timeout: float) -> str:
    """Only the one member of a single-node etcd is looked at: a larger cluster manages its own URLs.

    An etcd that the kubelet is just starting anew does not answer yet: ending the old one takes up to 30 s.
    """
    ask = partial(context.host.run, [*effect.etcdctl, "member", "list"])
    output = retried(ask, retry_if_exception(_said_something), timeout, context.over, RETRY_SECONDS)
    members = [line.split(", ") for line in output.splitlines() if line]
    if len(members) != 1 or members[0][3] == effect.url:
        return ""
    context.host.run([*effect.etcdctl, "member", "update", members[0][0], f"--peer-urls={effect.url}"])
    return f"etcd peer URL is now {effect.url}"


def _said_something(error: BaseException) -> bool:
    """A command that ran and failed; one that is not installed says nothing."""
    return isinstance(error, BootstrapError) and bool(error.details)


def _leave(effect: EtcdMemberGone, context: RunContext, timeout: float) -> str:
    """As kubeadm does it, the last member stays, and an etcd that does not answer stops nothing.

    One that answers and keeps the member does: what is left might not be enough to go on.
    """
    host, etcdctl = context.host, (*effect.etcdctl, *LIMITS)
    if not host.listdir(effect.data_dir):
        return ""
    try:
        shown = host.run([*etcdctl, f"--endpoints={effect.url}", "member", "list", "-w", "json"], here=True)
        members = json.loads(shown)["members"]
    except (BootstrapError, ValueError):
        return Unanswered("etcd did not answer: if it has other members, end this one there, etcdctl member remove ID")
    gone = [member for member in members if effect.peer_url in member["peerURLs"]]
    others = [member for member in members if member not in gone]
    if not gone or not others:
        return ""
    return _remove(context, etcdctl, gone[0], others, timeout)


def _remove(
    context: RunContext,
    etcdctl: tuple[str, ...],
    gone: dict[str, Any],
    others: list[dict[str, Any]],
    timeout: float,
) -> str:
    """Through another member: the one that goes ends before it answers."""
    name = f"{gone['ID']:x}"
    urls = ",".join(url for member in others for url in member.get("clientURLs", ()))
    words = [*etcdctl, f"--endpoints={urls}", "member", "remove", name]
    try:
        ask = partial(context.host.run, words, here=True)
        retried(ask, retry_if_exception(_said_something), min(timeout, SETTLED), context.over, RETRY_SECONDS)
    except BootstrapError as e:
        raise BootstrapError(
            f"etcd does not let its member {name} go, and nothing was removed",
            code=Exit.EFFECT,
            why="without this member too few of the others might be left",
            details=e.details,
            fix="bring the other members back and run reset again; to give the whole cluster up, "
            f"move {manifest_path('etcd')} away first",
        ) from e
    return f"etcd member {name} removed, {len(others)} left"


def _describe_leave(effect: EtcdMemberGone, host: HostReader) -> str:
    there = host.listdir(effect.data_dir)
    return f"etcd member {effect.peer_url}: {'remove it if there are others' if there else UNCHANGED}"


register(EtcdPeerUrl, apply=_update_peer_url, describe=lambda effect, host: f"etcd peer URL {effect.url}")
register(EtcdMemberGone, apply=_leave, describe=_describe_leave)
