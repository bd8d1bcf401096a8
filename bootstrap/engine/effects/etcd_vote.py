"""A member of an etcd gets its vote: it has caught up with the others, and answers."""

from __future__ import annotations

from bootstrap.engine.effects.etcd_join import members, tell
from bootstrap.engine.effects.registry import register
from bootstrap.engine.effects.static_pods import GRACE
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host.runtime.cri import end_running
from bootstrap.model.effects import EtcdMemberPromoted
from bootstrap.model.errors import BootstrapError

PATIENCE = "--command-timeout=1s"
"""Once the others know its name, a member needs some milliseconds to answer."""


def _promote(effect: EtcdMemberPromoted, context: RunContext, timeout: float) -> str:
    """One without an answer gets no vote: two with a vote of which one is silent stand still.

    Its own name may reach a member as a part of the snapshot that it begins with. Then it waits for six seconds that
    somebody tells it so, and says it again; one that is started anew has the snapshot, and answers at once.
    """
    anew = [False]

    def attempt() -> str:
        found = next((m for m in members(context.host, effect.etcdctl) if effect.peer_url in m.peer_urls), None)
        if found is None:
            raise NotYet(f"etcd has no member at {effect.peer_url}")
        if not found.learner:
            return ""
        if not found.name:
            raise NotYet("it has not started yet")
        if not _answers(effect, context):
            if not anew[0]:
                end_running(context.host, effect.socket, "etcd", GRACE)
                anew[0] = True
            raise NotYet("it does not answer yet")
        tell(context.host, effect.etcdctl, "promote", found.id)
        return f"etcd member {found.name} has a vote"

    return persist(attempt, context, timeout, f"etcd's member at {effect.peer_url} did not get its vote")


def _answers(effect: EtcdMemberPromoted, context: RunContext) -> bool:
    """It is asked for what a learner may say."""
    try:
        context.host.run([*effect.own, PATIENCE, "endpoint", "status"], here=True)
    except BootstrapError:
        return False
    return True


register(
    EtcdMemberPromoted,
    apply=_promote,
    describe=lambda effect, host: f"etcd member {effect.peer_url}: promoted, once it has caught up",
)
