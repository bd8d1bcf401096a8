"""The kubelet of a control plane gets what it serves with while the control plane starts."""

from __future__ import annotations

from bootstrap.engine.effects.registry import register
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.serving import judge, unserved, waiting
from bootstrap.host.facts.serving import protected_names
from bootstrap.model import names
from bootstrap.model.effects import ServingApproved
from bootstrap.model.errors import BootstrapError


def _approve(effect: ServingApproved, context: RunContext, timeout: float) -> str:
    """Its request alone: those of others are for the unit, which is there from then on."""
    node, approved = effect.until.node, False

    def attempt() -> str:
        nonlocal approved
        if not (seen := unserved(effect.until, context)):
            return f"certificate of {node}'s kubelet approved" if approved else ""
        try:
            mine = [each for each in waiting(context.api)[0] if each["spec"].get("username") == names.NODE_USER + node]
            found = judge(context.api, mine, protected_names(context.host))
        except BootstrapError as e:
            raise NotYet(e.why) from e
        approved = approved or any(not verdict.refusal for verdict in found)
        raise NotYet(next((verdict.refusal for verdict in found if verdict.refusal), seen))

    return persist(attempt, context, timeout, f"the kubelet of {node} did not get a certificate to serve with")


register(
    ServingApproved,
    apply=_approve,
    describe=lambda effect, host: f"certificate of {effect.until.node}'s kubelet: approved if it asks",
)
