"""Static Pods whose files were replaced: their containers are ended, and the kubelet makes others."""

from __future__ import annotations

from bootstrap.engine.effects.registry import register
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host
from bootstrap.host.runtime.cri import end_container, running_container
from bootstrap.model.effects import StaticPodRestarted

GRACE = 5
"""Seconds that a container has to end. An API server waits for its watches, which end only with it: it would use all of
the 30 that a kubelet gives."""


def _restart(effect: StaticPodRestarted, context: RunContext, timeout: float) -> str:
    """What runs is compared with what is on the disk: a run that died in between is made good by the next one."""
    host = context.host
    found = running_container(host, effect.socket, effect.name)
    if found is None or found.created >= _newest(host, effect):
        return ""
    end_container(host, effect.socket, found.id, GRACE)
    return f"{effect.name} restarted"


def _newest(host: Host, effect: StaticPodRestarted) -> float:
    return max((stat.mtime for path in effect.uses if (stat := host.stat(path))), default=0.0)


register(
    StaticPodRestarted,
    apply=_restart,
    describe=lambda effect, host: f"static Pod {effect.name}: restart",
)
