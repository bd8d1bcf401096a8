"""An empty node."""

from __future__ import annotations

from bootstrap.config import Documents, Overrides, anywhere, resolve
from bootstrap.engine.effects import apply_effect
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.gather import gather
from bootstrap.host.kube_client import probe
from bootstrap.host.node.health import COMPLETE
from bootstrap.host.port import Api, Host
from bootstrap.model.effects import Effect, UnitRunning
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import NODE_RUNTIME as RUNTIME
from bootstrap.render.node.containerd import containerd_file
from bootstrap.workflows.mode import NODE


def start_runtime(host: Host) -> None:
    """containerd, configured as `init` would."""
    facts = anywhere(gather(host, NODE))
    config = containerd_file(resolve(Documents(), Overrides(), facts), facts, RUNTIME)
    context = RunContext(host, _no_cluster, probe, "node")
    effects: tuple[Effect, ...] = (config, UnitRunning(RUNTIME.unit, (config.path,)))
    for effect in effects:
        apply_effect(effect, context, 60)
    host.write(COMPLETE, b"", 0o600)


def _no_cluster() -> Api:
    raise BootstrapError("this node has no cluster", code=Exit.BUG)
