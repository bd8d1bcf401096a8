"""The members of an etcd, as it tells them, and which of them answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bootstrap.host.port import Host
from bootstrap.joining.etcd_members import Member, member_of
from bootstrap.model.errors import BootstrapError
from bootstrap.model.quorum import Remaining
from bootstrap.model.reset_effects import EtcdMemberGone

LIMITS = ("--dial-timeout=2s", "--command-timeout=10s")
"""kubeadm dials for 2 s too (util/etcd: etcdTimeout), and tries for two minutes; an etcd that lives answers at once."""
BRIEF = ("--dial-timeout=2s", "--command-timeout=4s")
ANY_ANSWER = "--consistency=s"
"""As the member that answers knows it: also without a quorum."""


def members(host: Host, etcdctl: Sequence[str], *words: str) -> tuple[Member, ...]:
    """Raises BootstrapError (exit 5) when nobody answers, ValueError for an answer that cannot be read."""
    shown = host.run([*etcdctl, *LIMITS, "member", "list", *words, "-w", "json"], here=True)
    try:
        return tuple(map(member_of, json.loads(shown)["members"]))
    except (KeyError, TypeError) as e:
        raise ValueError(f"no list of members: {e}") from e


def remaining(host: Host, leaves: EtcdMemberGone) -> Remaining | None:
    """Who stays in the etcd when a member with a vote leaves it; None where it has none there, or nobody answers."""
    if not host.listdir(leaves.data_dir):
        return None
    words = (*leaves.etcdctl, f"--endpoints={','.join(leaves.urls)}")
    try:
        found = [member for member in members(host, words, ANY_ANSWER) if not member.learner]
    except (BootstrapError, ValueError):
        return None
    others = [member for member in found if leaves.peer_url not in member.peer_urls]
    if len(others) == len(found):
        return None
    with ThreadPoolExecutor(max(len(others), 1)) as pool:
        answers = list(pool.map(lambda member: _answers(host, leaves.etcdctl, member), others))
    named = [
        (member.name or ",".join(member.peer_urls), answer) for member, answer in zip(others, answers, strict=True)
    ]
    return Remaining(
        tuple(name for name, answer in named if answer), tuple(name for name, answer in named if not answer)
    )


def _answers(host: Host, etcdctl: Sequence[str], member: Member) -> bool:
    words = [*etcdctl, *BRIEF, f"--endpoints={','.join(member.client_urls)}", "endpoint", "status", "-w", "json"]
    try:
        return bool(member.client_urls and host.run(words, here=True))
    except BootstrapError:
        return False
