"""The Pods of this machine's runtime."""

from __future__ import annotations

from collections.abc import Iterator

from tenacity import RetryCallState, retry_if_exception_type

from bootstrap.engine.effects.registry import register
from bootstrap.engine.polling import retried
from bootstrap.engine.run_context import RunContext
from bootstrap.host.port import Host
from bootstrap.host.runtime.cri import CRI_TIMEOUT, patient_crictl, pod_sandboxes
from bootstrap.model.errors import BootstrapError
from bootstrap.model.events import Unanswered
from bootstrap.model.reset_effects import ContainersGone

TRIES = 5
"""As kubeadm has it for removing containers (constants.RemoveContainerRetry)."""
PAUSE = 1.0
_FAILED = retry_if_exception_type(BootstrapError)


class _Removal:
    """Tried again and again: a Pod that was being made when the kubelet ended comes after the list, and cancels the end
    of their slice. Hence every try begins with the list.
    """

    def __init__(self, host: Host, effect: ContainersGone) -> None:
        self._host, self._effect = host, effect
        self.removed = 0
        self.answered = False
        """The runtime did all that it was asked in the last try."""

    def __call__(self) -> None:
        self.answered = False
        for pod in self._pods():
            patient_crictl(self._host, self._effect.socket, "rmp", "--force", pod)
            self.removed += 1
        self.answered = True
        self.end_slice()

    def _pods(self) -> Iterator[str]:
        for pod, by_kubelet in pod_sandboxes(self._host, self._effect.socket).items():
            if by_kubelet or not self._effect.kubelet_only:
                yield pod

    def end_slice(self) -> None:
        if self._effect.slice:
            self._host.stop_unit(self._effect.slice, disable=False)


def _again(state: RetryCallState) -> bool:
    return state.attempt_number < TRIES and _FAILED(state)


def _remove(effect: ContainersGone, context: RunContext, timeout: float) -> str:
    """Through the runtime; when it does not answer, its processes are ended with their control groups."""
    host = context.host
    if effect.unit and not host.unit(effect.unit).active:
        return ""
    removal = _Removal(host, effect)
    try:
        retried(removal, _again, CRI_TIMEOUT, context.over, PAUSE)
    except BootstrapError:
        if removal.answered:
            raise
        if not effect.unit:
            return Unanswered(f"{effect.socket} did not answer: its Pods were left alone")
        removal.end_slice()
        host.run(["systemctl", "kill", "--signal=KILL", effect.unit])
        return Unanswered(f"{effect.unit} did not answer: its containers were killed")
    return f"{removal.removed} Pods removed" if removal.removed else ""


def _describe(effect: ContainersGone) -> str:
    return f"remove all Pods{' of the kubelet' if effect.kubelet_only else ''} in {effect.socket}"


register(ContainersGone, apply=_remove, describe=lambda effect, host: _describe(effect))
