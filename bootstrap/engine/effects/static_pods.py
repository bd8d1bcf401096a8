"""Static Pods whose files were replaced: their containers are ended, and the kubelet makes others."""

from __future__ import annotations

from bootstrap.engine.effects.files import diff_of_file, drift, write
from bootstrap.engine.effects.registry import Lines, Objects, register, verdict
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host, HostReader
from bootstrap.host.runtime.cri import StaticPod, end_container, end_pod, running_container, static_pods
from bootstrap.model import names
from bootstrap.model.effects import File, StaticPodRestarted, StaticPodsReplaced
from bootstrap.model.errors import BootstrapError

GRACE = 5
"""Seconds that a container has to end. An API server waits for its watches, which end only with it: it would use all of
the 30 that a kubelet gives."""
EXCHANGE_GRACE = 2
"""Seconds for one that is exchanged: nobody is served while the API server waits for its watches."""


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


def _replace(effect: StaticPodsReplaced, context: RunContext, timeout: float) -> str:
    """With the kubelet aside: until one has reached its API server, it ends no static Pod, and starts none beside an
    old one; and while etcd is exchanged it cannot reach it. Without one it starts all at once.

    What runs is compared with what is on the disk, so that a run that died in between is made good by the next one.
    """
    host, socket = context.host, effect.socket
    older = [pod for pod in effect.pods if drift(host, pod)]
    running = _running(host, effect)
    if not older and not any(_outdated(host, pod, running) for pod in effect.pods):
        return ""
    host.stop_unit(names.KUBELET_SERVICE, disable=False)
    for pod in older:
        write(pod, context, timeout)
    for pod in reversed(effect.pods):
        for sandbox in _outdated(host, pod, running):
            end_pod(host, socket, sandbox, EXCHANGE_GRACE)
    return f"{', '.join(map(component_of, effect.pods))} replaced"


def component_of(pod: File) -> str:
    """Whose manifest a file is."""
    return pod.path.rpartition("/")[2].removesuffix(".yaml")


def _running(host: Host, effect: StaticPodsReplaced) -> tuple[StaticPod, ...]:
    """Empty where the runtime does not answer: it has ended, and all with it."""
    try:
        return static_pods(host, effect.socket)
    except BootstrapError:
        if host.images(effect.socket) is not None:
            raise
        return ()


def _outdated(host: Host, pod: File, running: tuple[StaticPod, ...]) -> list[str]:
    """Sandboxes of a component that are older than its manifest."""
    there = host.stat(pod.path)
    mine = (each for each in running if each.name.startswith(f"{component_of(pod)}-"))
    return [each.sandbox for each in mine if there and each.made < there.mtime]


def _describe(effect: StaticPodsReplaced, host: HostReader) -> str:
    return "; ".join(f"static Pod {component_of(pod)}: {verdict(drift(host, pod))}" for pod in effect.pods)


def _diff(effect: StaticPodsReplaced, host: HostReader, objects: Objects) -> Lines:
    return tuple(line for pod in effect.pods for line in diff_of_file(pod, host, objects))


register(StaticPodsReplaced, apply=_replace, describe=_describe, diff=_diff)
register(
    StaticPodRestarted,
    apply=_restart,
    describe=lambda effect, host: f"static Pod {effect.name}: restart",
)
