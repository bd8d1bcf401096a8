"""`bootstrap join`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from bootstrap.cli.bundle import check_trust, offered_images
from bootstrap.cli.flags.inputs import overrides, read_config
from bootstrap.cli.flags.join import JOIN_FLAGS
from bootstrap.cli.flags.options import takes
from bootstrap.cli.screens.closing import show_renewal
from bootstrap.cli.screens.plan import show_plan
from bootstrap.cli.screens.reports import ON_SCREEN, Reports, reporting, shown
from bootstrap.cli.screens.screen import (
    Progress,
    Waiting,
    longest,
    say,
    show_preflight,
    show_remarks,
    show_timings,
    silent,
    wait_for_turn,
)
from bootstrap.host.program import manifests
from bootstrap.model.errors import Exit
from bootstrap.model.flags import JOIN
from bootstrap.model.last_words import JOINED, UNCHANGED
from bootstrap.model.plan import PREFLIGHT


@takes(*JOIN_FLAGS)
def join(
    endpoint: Annotated[str, typer.Argument(metavar="[HOST:PORT]", help="Of an API server of the cluster.")] = "",
    **given: Any,
) -> int:
    """Make this machine a node of a cluster that is there, or will be; or go on where an earlier join stopped.

    `bootstrap join phase NAME [NAME] [HOST:PORT]` runs one phase of it, with the same options.
    """
    from bootstrap.workflows.mode import enter

    check_trust(given["bundle"], given["trusted_key"], given["insecure_unsigned"])
    if given["token"] and given["token_file"]:
        raise typer.BadParameter("and --token-file exclude each other", param_hint="--token")
    output = shown(given["output"], given["events"])
    mode, host = enter()
    with reporting("join", host, given["events"], given["timings"]) as reports:
        return _asked(mode, host, endpoint, given, reports, output)


def _asked(mode: Any, host: Any, endpoint: str, given: dict[str, Any], reports: Reports, output: str) -> int:
    from bootstrap.config import Documents, load
    from bootstrap.config.join import with_flags
    from bootstrap.config.unused import unused_by_join
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.join import JoinRequest

    config = read_config(given["config"], host)
    if given["token_file"]:
        given["token"] = (read_config(given["token_file"], host) or b"").decode(errors="replace").strip()
    documents = with_flags(
        load(config) if config is not None else Documents(),
        overrides(JOIN, given, host),
        endpoint,
        control_plane=given["control_plane"],
    )
    for warning in unused_by_join(documents):
        say(str(warning), "!", error=True)
    request = JoinRequest(documents, given["wait"], given["strict"], given["phase"])
    offered = partial(offered_images, given["bundle"], given["trusted_key"], given["insecure_unsigned"], host)
    timings = given["timings"] == ON_SCREEN
    go = partial(_join, mode, host, request, offered, reports, timings=timings, output=output)
    if given["dry_run"]:
        return go(dry_run=True)
    with alone(host, wait_for_turn):
        return go(dry_run=False)


def _join(
    mode: Any, host: Any, request: Any, offered: Any, reports: Reports, *, dry_run: bool, timings: bool, output: str
) -> int:
    from datetime import UTC, datetime

    from bootstrap.workflows.join import carry_out, decide_join, make_join_plan

    began, text = time.monotonic(), output == "text"
    stream = sys.stdout if text else None
    with Waiting("Cluster", "a cluster to join", stream) as waiting:
        decision = decide_join(host, mode.name, request, reports.beside_waiting(waiting))
    if text:
        show_preflight(decision, mode, time.monotonic() - began)
    reports.checked(decision)
    decision.preflight.raise_errors()
    if request.phase == PREFLIGHT:
        return Exit.OK
    with offered(decision, manifests()) as (bundled, load):
        with Waiting("Cluster", "its etcd", stream) as waiting:
            said = reports.beside_waiting(waiting)
            plan = make_join_plan(host, decision, manifests(), datetime.now(UTC), request, bundled, said)
        if text:
            show_remarks(plan)
        reports.planned(plan)
        if dry_run or decision.cfg.run.dry_run:
            return show_plan(plan, host, lambda path: None, output)
        result = carry_out(host, decision, plan, reports.beside(Progress(plan) if text else silent), load)
    seconds = time.monotonic() - began
    if output == "json":
        print(json.dumps({"seconds": seconds, "steps": [asdict(t) for t in result]}, indent=2))
        return Exit.OK
    if not text:
        return Exit.OK
    if timings:
        show_timings(result)
    if request.phase is not None:
        return Exit.OK
    say()
    if not any(timing.changed for timing in result):
        say(f"{UNCHANGED} this machine already is a node of the cluster at {decision.cfg.endpoint}")
        return Exit.OK
    chain = f"(longest chain: {longest(result)})"
    say(f"{decision.cfg.node.name} {JOINED} {decision.cfg.endpoint} in {seconds:.1f} s   {chain}")
    show_renewal(decision)
    return Exit.OK
