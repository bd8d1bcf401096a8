"""Running a plan on the machine: with what it needs, and with the cause when a wait has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from bootstrap.engine.run import EventListener, run
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.timings import Timing
from bootstrap.host.kube_client import probe
from bootstrap.host.node.health import COMPLETE
from bootstrap.host.port import Host
from bootstrap.model.effects import ImagePresent
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan
from bootstrap.model.runtime import runtime_at
from bootstrap.workflows.api_access import super_admin
from bootstrap.workflows.diagnose import looking, with_cause
from bootstrap.workflows.observe import Observed

LoadImages = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Loads references of a verified bundle; see `RunContext`."""


def execute(
    host: Host,
    observed: Observed,
    plan: Plan,
    listen: EventListener,
    load_images: LoadImages | None = None,
    *,
    verb: str,
) -> tuple[Timing, ...]:
    """`verb` is in the journal. Raises BootstrapError: exit 5, 6 (with evidence) or 7."""
    cfg, mode = observed.cfg, observed.facts.mode
    runtime, since = runtime_at(cfg.node.cri_socket, mode), time.time()
    look = looking(host, runtime, since)
    try:
        context = RunContext(host, super_admin(host, cfg), probe, verb, look, load_images=load_images, report=listen)
        timings = run(plan, context, listen)
    except BootstrapError as e:
        raise (with_cause(e, host, runtime, since) if e.code == Exit.WAIT and not e.more else e) from None
    if any(isinstance(effect, ImagePresent) for step in plan.steps for effect in step.effects):
        from bootstrap.host.runtime.image_puller import clear  # few runs pull: the HTTP client costs a start 0.1 s

        clear()
    if mode == "node":  # the container's health check reads it
        host.write(COMPLETE, str(cfg.api.bind_port).encode(), 0o600)
    return timings
