"""An empty node, and whether a node is well."""

from __future__ import annotations

from bootstrap.config import Documents, Overrides, load, resolve
from bootstrap.engine.effects import apply_effect
from bootstrap.engine.world import World
from bootstrap.host.api import probe
from bootstrap.host.facts import gather
from bootstrap.host.port import Api, Host
from bootstrap.model.effects import Effect, UnitRunning
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.phases.init import STATE_CONFIG
from bootstrap.render.containerd import containerd_files
from bootstrap.workflows.init import COMPLETE
from bootstrap.workflows.mode import NODE

INIT_UNIT = "bootstrap-init.service"


def start_runtime(host: Host) -> None:
    """containerd, configured as `init` would."""
    facts = gather(host, NODE)
    files = containerd_files(resolve(Documents(), Overrides(), facts), facts)
    world = World(host, _no_cluster, probe)
    effects: tuple[Effect, ...] = (*files, UnitRunning("containerd.service", tuple(f.path for f in files)))
    for effect in effects:
        apply_effect(effect, world, 60)


def health(host: Host) -> str:
    """Empty when well, else what is wrong."""
    state = host.read(STATE_CONFIG)
    if state is None:
        return "" if host.unit(INIT_UNIT).active and host.unit("containerd.service").active else "not up yet"
    if host.stat(COMPLETE) is None:
        return f"no init has ended well since the start; {INIT_UNIT} is {host.unit(INIT_UNIT).sub_state}"
    port = load(state).get("InitConfiguration")["localAPIEndpoint"]["bindPort"]
    status, seen = probe(f"https://localhost:{port}/readyz")
    return "" if status == 200 else f"the API server is not ready: {seen}"


def _no_cluster() -> Api:
    raise BootstrapError("this node has no cluster", code=Exit.BUG)
