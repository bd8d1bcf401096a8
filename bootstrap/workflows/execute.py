"""Running a plan on the machine: with what it needs, and with the cause when a wait has ended."""

from __future__ import annotations

import time

from bootstrap.engine.run import EventListener, run
from bootstrap.engine.run_context import LoadImages, RunContext, see_nothing
from bootstrap.engine.timings import Timing
from bootstrap.host.kube_client import probe
from bootstrap.host.node.health import COMPLETE, questions
from bootstrap.host.port import Host
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.conditions import HttpOk, WorkloadReady
from bootstrap.model.effects import ImagePresent
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan
from bootstrap.model.runtime import Runtime, runtime_at
from bootstrap.render.addresses import dns_ip
from bootstrap.workflows.api_access import own
from bootstrap.workflows.diagnose import looking, with_cause
from bootstrap.workflows.observe import Observed


def execute(
    host: Host,
    observed: Observed,
    plan: Plan,
    listen: EventListener,
    load_images: LoadImages | None = None,
    *,
    verb: str,
    takes_back: bool = False,
    watches: bool = True,
) -> tuple[Timing, ...]:
    """`verb` is in the journal; with `takes_back` others' edits of our objects go.

    With `watches` a failure that waiting does not cure ends the run at once.

    Raises BootstrapError: exit 5, 6 (with evidence) or 7.
    """
    cfg, mode = observed.cfg, observed.facts.mode
    runtime, since = runtime_at(cfg.node.cri_socket, mode), time.time()
    look = looking(host, runtime, since) if watches else see_nothing
    asked = _asked(cfg, plan) if mode == "node" else b""
    if asked and host.read(COMPLETE) == b"":  # an empty node, of which more is asked from now on
        host.remove(COMPLETE)
    try:
        context = RunContext(
            host,
            own(host, cfg),
            probe,
            verb,
            look,
            load_images=load_images,
            report=listen,
            start_timeout=cfg.run.timeouts.control_plane_component_health_check,
            takes_back=takes_back,
        )
        try:
            timings = run(plan, context, listen)
        finally:
            context.applied.save(host, context.journal)
    except BootstrapError as e:
        raise (_explained(e, host, runtime, since) if e.code == Exit.WAIT and not e.more else e) from None
    if any(isinstance(effect, ImagePresent) for step in plan.steps for effect in step.effects):
        from bootstrap.host.runtime.image_puller import clear  # few runs pull: the HTTP client costs a start 0.1 s

        clear()
    if asked:  # the container's health check reads it
        host.write(COMPLETE, asked, 0o600)
    return timings


def _explained(error: BootstrapError, host: Host, runtime: Runtime, since: float) -> BootstrapError:
    found = with_cause(error, host, runtime, since)
    found.instead = error.instead
    return found


def _asked(cfg: ClusterConfig, plan: Plan) -> bytes:
    """What tells that the node stays up: what the run has waited for. Empty for a phase alone."""
    waits = [wait for step in plan.steps for wait in step.waits]
    urls = [wait.url for wait in waits if isinstance(wait, HttpOk) and not wait.identity and not wait.shared]
    if cfg.node.api is None:
        return questions(tuple(urls), "", "")
    if not any(isinstance(wait, HttpOk) and wait.identity for wait in waits):
        return b""
    dns = dns_ip(cfg) if any(isinstance(wait, WorkloadReady) and wait.name == "coredns" for wait in waits) else ""
    api = f"https://localhost:{cfg.api.bind_port}/readyz"
    return questions((api, *urls), dns, f"kubernetes.default.svc.{cfg.cluster.networking.dns_domain}")
