"""An empty node."""

from __future__ import annotations

import time

from bootstrap.config import Documents, Overrides, anywhere, resolve
from bootstrap.engine.effects import apply_effect
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.wait import wait_for
from bootstrap.host.facts.gather import gather
from bootstrap.host.kube_client import probe
from bootstrap.host.node.health import COMPLETE
from bootstrap.host.port import Api, Host
from bootstrap.model import names
from bootstrap.model.conditions import RuntimeServes
from bootstrap.model.effects import Effect, UnitRunning
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import NODE_RUNTIME as RUNTIME
from bootstrap.render.controlplane.audit import audit_policy_file
from bootstrap.render.node.containerd import containerd_file
from bootstrap.workflows.diagnose import with_cause
from bootstrap.workflows.mode import NODE

TIMEOUT = 60


def start_runtime(host: Host) -> None:
    """containerd, configured as `init` would. Raises BootstrapError (exit 6) when it does not come to serve CRI."""
    facts = anywhere(gather(host, NODE))
    config = containerd_file(resolve(Documents(), Overrides(), facts), facts, RUNTIME)
    bring_audit_policy(host)
    context, since = RunContext(host, _no_cluster, probe, "node"), time.time()
    effects: tuple[Effect, ...] = (config, UnitRunning(RUNTIME.unit, (config.path,)))
    for effect in effects:
        apply_effect(effect, context, TIMEOUT)
    try:
        wait_for(RuntimeServes(RUNTIME.socket), context, TIMEOUT, lambda seen: None)
    except BootstrapError as e:
        raise with_cause(e, host, RUNTIME, since) from None
    host.write(COMPLETE, b"", 0o600)


def bring_audit_policy(host: Host) -> None:
    """A control plane that kubeadm joins has to find it: the ClusterConfiguration of a cluster of ours names it.

    Not in the journal: it is as if it were in the image, and makes no node of ours.
    """
    if host.stat(names.AUDIT_POLICY) is None:
        host.mkdir(names.KUBERNETES_DIR, 0o755)
        policy = audit_policy_file()
        host.write(policy.path, policy.content, policy.mode)


def _no_cluster() -> Api:
    raise BootstrapError("this node has no cluster", code=Exit.BUG)
