"""A member of an etcd leaves the others before its data goes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tenacity import retry_if_exception

from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.polling import RETRY_SECONDS, retried
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.etcd_members import LIMITS, members
from bootstrap.host.port import HostReader
from bootstrap.joining.etcd_members import Member
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Unanswered
from bootstrap.model.reset_effects import EtcdMemberGone

SETTLED = 20.0
"""Seconds. Within five of a change of its members etcd refuses the next one (its HealthInterval), and after a start."""


def _said_something(error: BaseException) -> bool:
    """A command that ran and failed; one that is not installed says nothing."""
    return isinstance(error, BootstrapError) and bool(error.details)


def _leave(effect: EtcdMemberGone, context: RunContext, timeout: float) -> str:
    """As kubeadm does it, the last member stays, and an etcd that does not answer stops nothing.

    One that answers and keeps the member does, where that is `required`: what is left might not be enough to go on.
    A member that has not run yet, of a join that was killed, goes too.
    """
    host = context.host
    has_run = bool(host.listdir(effect.data_dir))
    try:
        found = members(host, (*effect.etcdctl, f"--endpoints={','.join(effect.urls)}"))
    except (BootstrapError, ValueError):
        silent = "etcd did not answer: if it has other members, end this one there, etcdctl member remove ID"
        return Unanswered(silent) if has_run else ""
    gone = [member for member in found if effect.peer_url in member.peer_urls and (has_run or not member.name)]
    others = [member for member in found if member not in gone]
    if not gone or not others:
        return ""
    try:
        return _remove(context, effect, gone[0], others, timeout)
    except BootstrapError as e:
        if effect.required:
            raise
        return Unanswered(f"{e.what}: {'; '.join(e.details)}")


def _remove(context: RunContext, effect: EtcdMemberGone, gone: Member, others: Sequence[Member], timeout: float) -> str:
    """Through another member: the one that goes ends before it answers."""
    urls = ",".join(url for member in others for url in member.client_urls)
    words = [*effect.etcdctl, *LIMITS, f"--endpoints={urls}", "member", "remove", gone.id]
    try:
        ask = partial(context.host.run, words, here=True)
        retried(ask, retry_if_exception(_said_something), min(timeout, SETTLED), context.over, RETRY_SECONDS)
    except BootstrapError as e:
        raise BootstrapError(
            f"etcd does not let its member {gone.id} go",
            code=Exit.EFFECT,
            why="without this member too few of the others might be left; nothing on this machine was removed",
            details=e.details,
            fix="bring the other members back and run reset again; to give the whole cluster up: "
            "bootstrap reset --break-quorum",
        ) from e
    return f"etcd member {gone.id} removed, {len(others)} left"


def _describe_leave(effect: EtcdMemberGone, host: HostReader) -> str:
    there = host.listdir(effect.data_dir)
    return f"etcd member {effect.peer_url}: {'remove it if there are others' if there else UNCHANGED}"


register(EtcdMemberGone, apply=_leave, describe=_describe_leave)
