"""How a machine becomes a member of an etcd that others run: a learner first, so that no quorum hangs on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bootstrap.engine.effects.files import make_parent
from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.host.facts import etcd_members
from bootstrap.host.facts.etcd_members import LIMITS, Member
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.effects import EtcdMemberAdded, File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import PATH
from bootstrap.render.controlplane.args import flags_of

DATA = "member"
"""What etcd makes in its data directory when it starts for the first time."""


def members(host: Host, etcdctl: Sequence[str]) -> tuple[Member, ...]:
    """Raises NotYet while nobody answers."""
    try:
        return etcd_members.members(host, etcdctl)
    except BootstrapError as e:
        raise NotYet("; ".join(e.details) or e.what) from e
    except ValueError as e:
        raise NotYet(f"etcdctl said nothing that can be read: {e}") from e


def _started(host: HostReader, effect: EtcdMemberAdded) -> bool:
    """Whether this machine's member has run: then it knows its cluster by its data, whatever its flags say."""
    return host.stat(f"{effect.data_dir}/{DATA}") is not None and host.stat(effect.manifest.path) is not None


def _add(effect: EtcdMemberAdded, context: RunContext, timeout: float) -> str:
    """Another machine that joins at the same time has its turn first: an etcd takes one learner after the other."""
    if _started(context.host, effect):
        return _rewrite(effect, context)
    failed = f"etcd did not take {effect.name} as a member"
    found = persist(lambda: _added(effect, context.host), context, timeout, failed)
    others = ",".join(f"{m.name}={url}" for m in found if effect.peer_url not in m.peer_urls for url in m.peer_urls)
    content = effect.manifest.content.replace(effect.placeholder.encode(), others.encode())
    if content != context.host.read(effect.manifest.path):
        with _kubelet_aside(context.host):
            _write(dataclasses.replace(effect.manifest, content=content), context)
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


def _rewrite(effect: EtcdMemberAdded, context: RunContext) -> str:
    """The static Pod as the configuration says it now; whom the member met at first is in its data, and stays."""
    before = context.host.read(effect.manifest.path) or b""
    others = ",".join(item for item in _first_cluster(before).split(",") if not item.startswith(f"{effect.name}="))
    content = effect.manifest.content.replace(effect.placeholder.encode(), others.encode())
    if content == before:
        return ""
    _write(dataclasses.replace(effect.manifest, content=content), context)
    return f"{effect.manifest.path} written"


def _first_cluster(manifest: bytes) -> str:
    try:
        return flags_of(parse_one(manifest)).get("initial-cluster", "")
    except (UnreadableError, TypeError, KeyError, IndexError, ValueError, AttributeError):
        return ""


def _write(file: File, context: RunContext) -> None:
    context.journal.note(PATH, file.path)
    make_parent(context.host, file.path)
    context.host.write(file.path, file.content, file.mode)


def _added(effect: EtcdMemberAdded, host: Host) -> tuple[Member, ...]:
    """The members, with this machine's, which is added unless an earlier run did."""
    found = members(host, effect.etcdctl)
    same = [m for m in found if effect.peer_url in m.peer_urls or m.name == effect.name]
    for stale in same:
        if stale.name:
            raise _ran_before(effect, stale)
        if effect.peer_url not in stale.peer_urls:
            tell(host, effect.etcdctl, "remove", stale.id)
    if not any(effect.peer_url in m.peer_urls for m in same):
        if unstarted := [m for m in found if not m.name]:
            raise NotYet(f"another member has been added and has not started: {', '.join(unstarted[0].peer_urls)}")
        tell(host, effect.etcdctl, "add", effect.name, f"--peer-urls={effect.peer_url}", "--learner")
        found = members(host, effect.etcdctl)
    return found


def _ran_before(effect: EtcdMemberAdded, stale: Member) -> BootstrapError:
    return BootstrapError(
        f"etcd has a member {stale.name} at {', '.join(stale.peer_urls)} that has run, and its data is not here",
        code=Exit.CONFLICT,
        why=f"a machine of that name, or with the address of {effect.peer_url}, left without a reset",
        fix=f"on a control plane, if that machine is gone for good: etcdctl member remove {stale.id}",
    )


def tell(host: Host, etcdctl: Sequence[str], *words: str) -> None:
    """Raises NotYet when etcd refuses: most of what it refuses passes, and the last words are shown when time is up."""
    try:
        host.run([*etcdctl, *LIMITS, "member", *words], here=True)
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


def _describe(effect: EtcdMemberAdded, host: HostReader) -> str:
    return f"etcd member {effect.peer_url}: {UNCHANGED if _started(host, effect) else 'added, as a learner'}"


register(EtcdMemberAdded, apply=_add, describe=_describe)
