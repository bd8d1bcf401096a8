"""How a machine becomes a member of an etcd that others run: a learner first, so that no quorum hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bootstrap.engine.effects.files import make_parent
from bootstrap.engine.effects.registry import register
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts import etcd_members
from bootstrap.host.facts.etcd_members import LIMITS
from bootstrap.host.port import Host
from bootstrap.joining.etcd_members import Member
from bootstrap.model import names
from bootstrap.model.effects import EtcdMemberAdded
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import PATH
from bootstrap.render.controlplane.etcd_member import DATA, etcdctl

_PKI = f"{names.PKI_DIR}/etcd"
_CLIENT = f"{_PKI}/healthcheck-client"
REMOVE = " ".join((*etcdctl("etcdctl", f"{_PKI}/ca.crt", f"{_CLIENT}.crt", f"{_CLIENT}.key"), "member", "remove"))
"""What an administrator types for a member whose machine does not come back."""


def members(host: Host, command: Sequence[str]) -> tuple[Member, ...]:
    """Raises NotYet while nobody answers."""
    try:
        return etcd_members.members(host, command)
    except BootstrapError as e:
        raise NotYet("; ".join(e.details) or e.what) from e
    except ValueError as e:
        raise NotYet(f"etcdctl said nothing that can be read: {e}") from e


def _add(effect: EtcdMemberAdded, context: RunContext, timeout: float) -> str:
    """Another machine that joins at the same time has its turn first: an etcd takes one learner after the other."""
    failed = f"etcd did not take {effect.name} as a member"
    found = persist(lambda: _added(effect, context.host), context, timeout, failed)
    others = ",".join(f"{m.name}={url}" for m in found if effect.peer_url not in m.peer_urls for url in m.peer_urls)
    content = effect.manifest.content.replace(effect.placeholder.encode(), others.encode())
    if content != context.host.read(effect.manifest.path):
        with _kubelet_aside(context.host):
            context.journal.note(PATH, effect.manifest.path)
            make_parent(context.host, effect.manifest.path)
            context.host.write(effect.manifest.path, content, effect.manifest.mode)
    return f"etcd member {effect.name} added"


@contextmanager
def _kubelet_aside(host: Host) -> Iterator[None]:
    """For what replaces a static Pod of an earlier run. Until it has reached its API server, which waits for this etcd,
    a running kubelet ends no Pod, and starts none beside an old one of the same name."""
    running = host.unit(names.KUBELET_SERVICE).active
    if running:
        host.stop_unit(names.KUBELET_SERVICE, disable=False)
    yield
    if running:
        host.start_unit(names.KUBELET_SERVICE, enable=False, restart=False)


def _added(effect: EtcdMemberAdded, host: Host) -> tuple[Member, ...]:
    """The members, with this machine's, which is added unless an earlier run did."""
    found = members(host, effect.etcdctl)
    for stale in found:
        if stale.name and (stale.name == effect.name or effect.peer_url in stale.peer_urls):
            raise _ran_before(effect, stale)
    if not any(effect.peer_url in m.peer_urls for m in found):
        if unstarted := [m for m in found if not m.name]:
            other = unstarted[0]
            raise NotYet(
                f"another member has been added and has not started: {', '.join(other.peer_urls)}; "
                f"if nobody joins there any more, on a control plane: {REMOVE} {other.id}"
            )
        tell(host, effect.etcdctl, "add", effect.name, f"--peer-urls={effect.peer_url}", "--learner")
        found = members(host, effect.etcdctl)
    return found


def _ran_before(effect: EtcdMemberAdded, stale: Member) -> BootstrapError:
    return BootstrapError(
        f"etcd has a member {stale.name} at {', '.join(stale.peer_urls)} that has run, and its data is not here",
        code=Exit.CONFLICT,
        why=f"a machine of that name, or with the address of {effect.peer_url}, left without a reset",
        fix=f"if that machine is gone for good, on a control plane: {REMOVE} {stale.id}; then the same command again",
    )


def tell(host: Host, command: Sequence[str], *words: str) -> None:
    """Raises NotYet when etcd refuses: most of what it refuses passes, and the last words are shown when time is up."""
    try:
        host.run([*command, *LIMITS, "member", *words], here=True)
    except BootstrapError as e:
        raise NotYet("; ".join(e.details) or e.what) from e


def withdraw(host: Host, effect: EtcdMemberAdded) -> None:
    """After a join that failed: a learner of this machine is no member any more, and has left no data.

    It would keep others from joining. One with a vote stays, and so does all when etcd does not answer.
    """
    try:
        own = next((m for m in members(host, effect.etcdctl) if effect.peer_url in m.peer_urls and m.learner), None)
        if own is None:
            return
        host.remove(effect.manifest.path)
        tell(host, effect.etcdctl, "remove", own.id)
    except NotYet:
        return
    host.remove_tree(f"{effect.data_dir}/{DATA}")


register(
    EtcdMemberAdded,
    apply=_add,
    describe=lambda effect, host: f"etcd member {effect.peer_url}: added, as a learner",
)
