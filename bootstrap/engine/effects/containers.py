"""The Pods of this machine's runtime."""

from __future__ import annotations

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_fixed

from bootstrap.engine.effects.registry import register
from bootstrap.engine.run_context import RunContext
from bootstrap.host.runtime.cri import CRI_TIMEOUT, patient_crictl
from bootstrap.model.effects import ContainersGone
from bootstrap.model.errors import BootstrapError
from bootstrap.model.events import UNANSWERED

TRIES = 5
"""As kubeadm has it for removing containers (constants.RemoveContainerRetry)."""
SLICE = "kubepods.slice"
"""The kubelet's cgroup for all Pods, as systemd knows it."""


def _remove(effect: ContainersGone, context: RunContext, timeout: float) -> str:
    """Through the runtime; when it does not answer, its processes are ended with their control groups.

    A Pod that was being made when the kubelet ended comes after the list, and cancels the end of their slice: hence
    every try begins with the list.
    """
    host = context.host
    if effect.unit and not host.unit(effect.unit).active:
        return ""
    removed = list[str]()

    def remove() -> None:
        for pod in patient_crictl(host, effect.socket, "pods", "--quiet").split():
            patient_crictl(host, effect.socket, "rmp", "--force", pod)
            removed.append(pod)
        host.stop_unit(SLICE, disable=False)

    stop = stop_after_attempt(TRIES) | stop_after_delay(CRI_TIMEOUT)
    again = Retrying(stop=stop, wait=wait_fixed(1), retry=retry_if_exception_type(BootstrapError), reraise=True)
    try:
        again(remove)
    except BootstrapError as e:
        if _late(e):
            raise
        if not effect.unit:
            return f"{effect.socket} {UNANSWERED}: its Pods were left alone"
        host.stop_unit(SLICE, disable=False)
        host.run(["systemctl", "kill", "--signal=KILL", effect.unit])
        return f"{effect.unit} {UNANSWERED}: its containers were killed"
    return f"{len(removed)} Pods removed" if removed else ""


def _late(error: BootstrapError) -> bool:
    """Whether a Pod came late, again and again."""
    return any("canceled" in line for line in error.details)


register(ContainersGone, apply=_remove, describe=lambda effect, host: f"remove all Pods in {effect.socket}")
