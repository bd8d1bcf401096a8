"""`diagnose`: what is wrong with this node; and the same questions asked while `init` waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from bootstrap.diagnosis.judge import ended_early, explained, fatal, judge
from bootstrap.diagnosis.rule import Cause
from bootstrap.host.facts.evidence import gather_evidence, glance
from bootstrap.host.facts.kubelet import cri_socket, static_pod_path
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import Runtime, runtime_at

SIGNS_OF_A_CLUSTER = (names.KUBELET_CONF, names.KUBELET_CONFIG, names.STATE_CONFIG)
"""One of these is on every node of a cluster, also on a broken one, and on one that kubeadm made."""


def diagnose(host: Host, mode: str) -> tuple[Cause, ...]:
    """What is wrong, the most probable cause first. Raises BootstrapError (exit 8) when there is no cluster here."""
    if not host.listdir(static_pod_path(host)) and not any(host.stat(path) for path in SIGNS_OF_A_CLUSTER):
        raise BootstrapError(
            "there is no cluster here",
            code=Exit.CONFLICT,
            why=f"none of {', '.join(SIGNS_OF_A_CLUSTER)} exists",
            fix="bootstrap init",
        )
    return judge(gather_evidence(host, runtime_at(cri_socket(host), mode)))


def looking(host: Host, runtime: Runtime, since: float) -> Callable[[], None]:
    """For a run that began at `since` (epoch seconds): raises BootstrapError (exit 6) at a definite failure."""

    def look() -> None:
        if finding := fatal(judge(glance(host, runtime, since))):
            raise ended_early(finding, time.time() - since)

    return look


def with_cause(error: BootstrapError, host: Host, runtime: Runtime, since: float) -> BootstrapError:
    """A wait that timed out, with its probable cause, or with what was last seen where no rule knows one."""
    evidence = gather_evidence(host, runtime, since)
    ended = [c for c in evidence.containers if c.ended]
    seen = [f"{c.component} ended (attempt {c.attempt}): {line}" for c in ended for line in c.log[-3:]]
    said = [f"kubelet: {line[:300]}" for line in evidence.unit("kubelet").journal if line[:1] == "E"][-3:]
    return explained(error, judge(evidence), tuple(seen or said))
