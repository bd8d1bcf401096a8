"""Leases of leaders that ended with this machine's last boot: nobody has to wait until they run out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bootstrap.engine.effects.registry import register
from bootstrap.engine.objects.answers import Answers
from bootstrap.engine.polling import persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host.kube_client import object_path
from bootstrap.host.runtime.cri import static_pods
from bootstrap.model.effects import LeaseFreed


def _free(effect: LeaseFreed, context: RunContext, timeout: float) -> str:
    """Written over the version that was read: whoever has taken or renewed it meanwhile keeps it."""
    metadata = {"name": effect.name, "namespace": "kube-system"}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    answers, ended = Answers(lease), _ended(effect, context)

    def attempt() -> str:
        found = answers.read(context.api.get(object_path(lease)))
        if found is None or not _left(effect, found.get("spec") or {}, ended):
            return ""
        version = {**metadata, "resourceVersion": found["metadata"]["resourceVersion"]}
        answers.checked(context.api.merge({**lease, "metadata": version, "spec": {"holderIdentity": None}}))
        return f"lease {effect.name} freed"

    return persist(attempt, context, timeout, f"the lease {effect.name} was not freed")


def _ended(effect: LeaseFreed, context: RunContext) -> float:
    """Seconds since the epoch: who has not renewed since then has ended."""
    pods = static_pods(context.host, effect.socket) if effect.socket else ()
    return next((pod.made for pod in pods if pod.name.startswith(f"{effect.name}-")), effect.booted)


def _left(effect: LeaseFreed, spec: Mapping[str, Any], ended: float) -> bool:
    """A leader is called HOSTNAME_UUID; one that lives renews every few seconds."""
    holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
    if not renewed or holder.rpartition("_")[0].lower() != effect.hostname:
        return False
    return datetime.fromisoformat(renewed).timestamp() < ended


register(
    LeaseFreed,
    apply=_free,
    describe=lambda effect, host: f"lease {effect.name}: free it if its holder has ended",
)
