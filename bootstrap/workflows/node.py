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
from bootstrap.model.conditions import RuntimeServes
from bootstrap.model.effects import Effect, UnitRunning
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import NODE_RUNTIME as RUNTIME
from bootstrap.render.controlplane.audit import audit_files
from bootstrap.render.node.containerd import containerd_file
from bootstrap.workflows.diagnose import with_cause
from bootstrap.workflows.mode import NODE

TIMEOUT = 60


def start_runtime(host: Host) -> None:
    """containerd, configured as `init` would, and what a control plane that kubeadm joins has to find: the audit policy
    that the ClusterConfiguration of a cluster of ours names.

    Raises BootstrapError (exit 6) when the runtime does not come to serve CRI.
    """
    facts = anywhere(gather(host, NODE))
    cfg = resolve(Documents(), Overrides(), facts)
    config = containerd_file(cfg, facts, RUNTIME)
    context, since = RunContext(host, _no_cluster, probe, "node"), time.time()
    effects: tuple[Effect, ...] = (*audit_files(cfg), config, UnitRunning(RUNTIME.unit, (config.path,)))
    for effect in effects:
        apply_effect(effect, context, TIMEOUT)
    try:
        wait_for(RuntimeServes(RUNTIME.socket), context, TIMEOUT, lambda seen: None)
    except BootstrapError as e:
        raise with_cause(e, host, RUNTIME, since) from None
    host.write(COMPLETE, b"", 0o600)


def _no_cluster() -> Api:
    raise BootstrapError("this node has no cluster", code=Exit.BUG)
