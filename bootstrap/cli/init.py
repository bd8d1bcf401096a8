"""`bootstrap init`, and one phase of it alone."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from functools import partial
from typing import Any

from bootstrap.cli.addon import remove
from bootstrap.cli.bundle import check_trust, offered_images
from bootstrap.cli.flags.init import INIT_FLAGS
from bootstrap.cli.flags.inputs import overrides, read_config
from bootstrap.cli.flags.options import takes
from bootstrap.cli.screens.closing import SHOW_JOIN, show_growth, show_join, show_result, shows_join
from bootstrap.cli.screens.plan import show_plan
from bootstrap.cli.screens.reports import ON_SCREEN, Reports, reporting, shown
from bootstrap.cli.screens.screen import Progress, show_preflight, show_remarks, show_timings, silent, wait_for_turn
from bootstrap.host.program import manifests
from bootstrap.model.errors import Exit
from bootstrap.model.flags import INIT
from bootstrap.model.plan import PREFLIGHT


@takes(*INIT_FLAGS)
def init(**given: Any) -> int:
    """Make this machine a Kubernetes control plane, or go on where an earlier init stopped.

    `bootstrap init phase NAME [NAME]` runs one phase of it, with the same options.
    """
    from bootstrap.workflows.mode import enter

    check_trust(given["bundle"], given["trusted_key"], given["insecure_unsigned"])
    output = shown(given["output"], given["events"])
    mode, host = enter()
    with reporting("init", host, given["events"], given["timings"]) as reports:
        return _asked(mode, host, given, reports, output)


def _asked(mode: Any, host: Any, given: dict[str, Any], reports: Reports, output: str) -> int:
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.init import Request
    from bootstrap.workflows.joining.lines import Withheld

    request = Request(
        read_config(given["config"], host),
        overrides(INIT, given, host),
        given["wait"],
        given["strict"],
        given["reconfigure"],
        given["upload_certs"],
        given["phase"],
    )
    offered = partial(offered_images, given["bundle"], given["trusted_key"], given["insecure_unsigned"], host)
    withheld = Withheld(token=given["skip_token_print"], certificate_key=given["skip_certificate_key_print"])
    timings = given["timings"] == ON_SCREEN
    go = partial(_init, mode, host, request, offered, withheld, reports, timings=timings, output=output)
    taken_back = partial(remove, mode, host, given["remove_addon"] or (), output=output, reports=reports)
    if given["dry_run"] or given["phase"] == SHOW_JOIN:
        taken_back(dry_run=True)
        return go(dry_run=True)
    with alone(host, wait_for_turn):
        taken_back(dry_run=False)
        return go(dry_run=False)


def _init(
    mode: Any,
    host: Any,
    request: Any,
    offered: Any,
    withheld: Any,
    reports: Reports,
    *,
    dry_run: bool,
    timings: bool,
    output: str,
) -> int:
    from datetime import UTC, datetime

    from bootstrap.workflows.api_access import api_reader, super_admin
    from bootstrap.workflows.execute import execute
    from bootstrap.workflows.init import decide, make_plan
    from bootstrap.workflows.joining.lines import join_commands

    began = time.monotonic()
    decision = decide(host, mode.name, request)
    objects = api_reader(super_admin(host, decision.cfg))
    joins = partial(join_commands, host, decision.cfg, decision.certificate_key, objects, datetime.now(UTC), withheld)
    if request.phase == SHOW_JOIN:
        return show_join(joins(), output)
    if output == "text":
        show_preflight(decision, mode, time.monotonic() - began)
    reports.checked(decision)
    decision.preflight.raise_errors()
    if request.phase == PREFLIGHT:
        return Exit.OK
    with offered(decision, manifests()) as (bundled, load):
        plan = make_plan(host, decision, manifests(), datetime.now(UTC), request, bundled)
        if output == "text":
            show_remarks(plan)
        reports.planned(plan)
        if dry_run or decision.cfg.run.dry_run:
            return show_plan(plan, host, objects, output)
        listen = reports.beside(Progress(plan) if output == "text" else silent)
        result = execute(host, decision, plan, listen, load, verb="init", takes_back=request.reconfigure)
    seconds, lines = time.monotonic() - began, joins() if shows_join(decision, request.phase) else ()
    if output == "json":
        print(json.dumps({"seconds": seconds, "steps": [asdict(t) for t in result], "join": lines}, indent=2))
        return Exit.OK
    if output != "text":
        return Exit.OK
    if timings:
        show_timings(result)
    if request.phase is None:
        show_result(decision, result, seconds)
    show_growth(lines)
    return Exit.OK
